/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing of identical pages among the guests of one trust domain: who is in, that nobody else is,
 * and how fast the kernel looks (core/share.h). KSM knows no domains, so at most one is shared at a
 * time. See sharing.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/share.h"
#include "daemon/config.h"
#include "daemon/guests.h"

struct sharing;

struct sharing_calls {
    void (*record)(struct guest *guest, char *text,
                   void *data); /* guest NULL: of the host; takes @text */
    /* A guest is there of which nothing is known yet but that it was found. */
    bool (*unknown)(void *data);
};

struct sharing *sharing_new(const struct config *config, const char *host_root,
                            struct guests *guests, const struct sharing_calls *calls, void *data);
/* Puts the kernel's settings back as they were found. What is merged stays merged until it is
 * written. After the guests' VMMs, which may have orders on their way. */
void sharing_free(struct sharing *s);
void sharing_configure(struct sharing *s, const struct config *config);

/* With each look at the guest. @domain: as its settings say; NULL or "": it is not in. */
void sharing_see(struct sharing *s, struct guest *guest, const char *domain);
void sharing_forget(struct guest *guest);

/* With each decision. */
void sharing_decide(struct sharing *s, enum host_state state);

/* Into what is seen of the guest: what is shared; resident counts a shared page once, in parts. */
void sharing_observe(const struct guest *guest, struct guest_observation *seen);

enum sharing_standing {
    SHARING_OUT,   /* has not opted in */
    SHARING_ASKED, /* its VMM is being told */
    SHARING_IN,
    SHARING_WAITING, /* opted in, but another domain is being shared */
    SHARING_REFUSED, /* can't be: the view's error says why */
    SHARING_STANDING_MAX,
};
const char *sharing_standing_name(enum sharing_standing standing);

struct sharing_guest_view {
    enum sharing_standing standing;
    const char *domain; /* NULL */
    const char *error;  /* NULL */
    uint64_t merged;    /* bytes of its memory that are merged, pages of zeros included */
    uint64_t saved;     /* its part of what that saves */
    uint64_t zero;      /* of both: pages of zeros, which cost nothing */
};
void sharing_guest_view(const struct guest *guest, struct sharing_guest_view *ret);

struct sharing_view {
    bool supported; /* the kernel has KSM, and we may set it */
    bool run;
    const char *domain;  /* NULL: none */
    const char *blocker; /* why it may not run though guests have opted in; NULL */
    struct share_decision decision;
    struct share_observation seen;
    char text[256];
    double cpu;             /* of one processor, over the last seconds */
    uint64_t shared, saved; /* bytes */
    uint64_t unshared;
};
void sharing_view(const struct sharing *s, struct sharing_view *ret);
