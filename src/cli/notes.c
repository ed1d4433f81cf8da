/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notes.h"

#include <glib.h>

static bool is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

static bool without_swap(const struct guest_info *g)
{
    return is(g->guest_swap, "absent");
}

static bool short_of_swap(const struct guest_info *g)
{
    return is(g->guest_swap, "short");
}

static bool not_admitted(const struct guest_info *g)
{
    return is(g->admitted, "no");
}

static bool is_blocked(const struct guest_info *g)
{
    return is(g->blocked_now, "yes");
}

static bool not_paged(const struct guest_info *g)
{
    return is(g->kernel_swap.standing, "waiting") || is(g->kernel_swap.standing, "refused") ||
           is(g->pager.standing, "refused");
}

static bool not_shared(const struct guest_info *g)
{
    return is(g->sharing.standing, "refused");
}

static const struct note {
    bool (*holds)(const struct guest_info *guest);
    const char *text;
} NOTES[] = {
    {is_blocked, "blocked at this moment, until memory is free"},
    {without_swap, "no swap of its own (" GUEST_SWAP_RULE_TEXT
                   " of its size is a good rule): ballooned no further than free memory and cache"},
    {short_of_swap, "too little swap of its own (" GUEST_SWAP_RULE_TEXT
                    " of its size is a good rule): ballooned no further than it held"},
    {not_paged, "the host can put nothing of it out (explain says why)"},
    {not_shared, "opted in to sharing, and can't be merged (explain says why)"},
    {not_admitted, "not admitted: nobody saw to it that it fits (aerostat admit)"},
};

uint64_t guest_swap_rule(uint64_t size)
{
    return (uint64_t)(GUEST_SWAP_RULE * (double)size);
}

static void append_note(GString *out, const struct note *note, const struct guest_info *guests,
                        size_t count)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autofree char *clean = NULL;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (note->holds(&guests[i]) && ++found <= NOTES_NAMES_MAX)
            g_string_append_printf(names, "%s%s", found > 1 ? ", " : "",
                                   text_or_dash(guests[i].name));
    }
    if (found == 0)
        return;
    if (found > NOTES_NAMES_MAX)
        g_string_append_printf(names, " and %zu more", found - NOTES_NAMES_MAX);
    clean = text_clean(names->str, false);
    g_string_append_printf(out, "%s: %s\n", clean, note->text);
}

void notes_append(GString *out, const struct guest_info *guests, size_t count)
{
    for (size_t i = 0; i < G_N_ELEMENTS(NOTES); i++)
        append_note(out, &NOTES[i], guests, count);
}
