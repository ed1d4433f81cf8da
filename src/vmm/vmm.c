/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/vmm.h"

#include "vmm/guest.h"

const char *vmm_link_name(enum vmm_link link)
{
    static const char *const names[] = {
        [VMM_LINK_CONNECTING] = "connecting",
        [VMM_LINK_UP] = "up",
        [VMM_LINK_SILENT] = "silent",
        [VMM_LINK_DOWN] = "down",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == VMM_LINK_MAX);
    g_assert(link < VMM_LINK_MAX);
    return names[link];
}

const char *vmm_ram_name(enum vmm_ram ram)
{
    static const char *const names[] = {
        [VMM_RAM_UNKNOWN] = "unknown",
        [VMM_RAM_PRIVATE] = "private",
        [VMM_RAM_MEMFD] = "memfd",
        [VMM_RAM_OTHER] = "other",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == VMM_RAM_MAX);
    g_assert(ram < VMM_RAM_MAX);
    return names[ram];
}

const char *vmm_reach_name(enum vmm_reach reach)
{
    static const char *const names[] = {
        [VMM_REACH_UNMAPPED] = "unmapped",
        [VMM_REACH_NOTHING] = "nothing",
        [VMM_REACH_DEVICE] = "device",
        [VMM_REACH_MEMORY] = "memory",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == VMM_REACH_MAX);
    g_assert(reach < VMM_REACH_MAX);
    return names[reach];
}

void vmm_guest_poll(struct vmm_guest *guest)
{
    guest->ops->poll(guest);
}

bool vmm_guest_measure(struct vmm_guest *guest)
{
    return guest->ops->measure(guest);
}

void vmm_guest_set_balloon(struct vmm_guest *guest, uint64_t bytes, vmm_done_fn done, void *data)
{
    guest->ops->set_balloon(guest, bytes, done, data);
}

void vmm_guest_stop(struct vmm_guest *guest, vmm_done_fn done, void *data)
{
    guest->ops->set_running(guest, false, done, data);
}

void vmm_guest_cont(struct vmm_guest *guest, vmm_done_fn done, void *data)
{
    guest->ops->set_running(guest, true, done, data);
}

void vmm_guest_set_mergeable(struct vmm_guest *guest, bool mergeable, vmm_done_fn done, void *data)
{
    guest->ops->set_mergeable(guest, mergeable, done, data);
}

GQuark vmm_error_quark(void)
{
    return g_quark_from_static_string("aerostat-vmm-error");
}

void vmm_guest_hold(struct vmm_guest *guest, vmm_done_fn done, void *data)
{
    guest->ops->hold(guest, true, done, data);
}

void vmm_guest_let_go(struct vmm_guest *guest, vmm_done_fn done, void *data)
{
    guest->ops->hold(guest, false, done, data);
}

void vmm_guest_translate(struct vmm_guest *guest, const struct vmm_address *address,
                         vmm_translated_fn done, void *data)
{
    guest->ops->translate(guest, address, done, data);
}

void vmm_guest_free(struct vmm_guest *guest)
{
    guest->ops->free(guest);
}

const struct vmm_facts *vmm_guest_facts(const struct vmm_guest *guest)
{
    return &guest->facts;
}

const struct vmm_ops *vmm_guest_ops(const struct vmm_guest *guest)
{
    return guest->ops;
}

void vmm_guest_set_owner(struct vmm_guest *guest, void *owner)
{
    guest->owner = owner;
}

void *vmm_guest_owner(const struct vmm_guest *guest)
{
    return guest->owner;
}

void vmm_guest_emit(struct vmm_guest *guest, enum vmm_event event)
{
    guest->event(guest, event, guest->event_data);
}
