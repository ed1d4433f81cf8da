/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pagers.h"

GQuark pagers_error_quark(void)
{
    return g_quark_from_static_string("aerostat-pagers-error");
}

static const char *const standing_names[] = {
    [PAGER_NONE] = "none",           [PAGER_PREPARING] = "preparing",
    [PAGER_BEGINNING] = "beginning", [PAGER_SERVES] = "serves",
    [PAGER_ENDING] = "ending",       [PAGER_MISSING] = "missing",
    [PAGER_REFUSED] = "refused",
};
G_STATIC_ASSERT(G_N_ELEMENTS(standing_names) == PAGER_STANDING_MAX);

const char *pager_standing_name(enum pager_standing standing)
{
    return standing_names[standing];
}

bool pagers_view(const struct guest *guest, struct pager_view *ret)
{
    (void)guest;
    *ret = (struct pager_view){.standing = PAGER_NONE};
    return false;
}

const struct pagemap *pagers_map(const struct guest *guest)
{
    (void)guest;
    return NULL;
}

bool pagers_park(struct guest *guest, GError **error)
{
    g_set_error(error, PAGERS_ERROR, 0, "guest %s has no pager", guest->key);
    return false;
}

bool pagers_unpark(struct guest *guest, GError **error)
{
    return pagers_park(guest, error);
}
