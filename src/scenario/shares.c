/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/shares.h"

#include <string.h>

#include "core/policy.h"

bool shares_of(const struct scenario_guest *guest, double *ret_shares)
{
    const struct {
        const char *word;
        unsigned per_mib;
    } words[] = {{"low", SHARES_PER_MIB_LOW},
                 {"normal", SHARES_PER_MIB_NORMAL},
                 {"high", SHARES_PER_MIB_HIGH}};
    const char *text = guest->shares ? guest->shares : "normal";
    guint64 number;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcmp(text, words[i].word) == 0) {
            *ret_shares = words[i].per_mib * ((double)guest->size / (double)MIB);
            return true;
        }
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &number, NULL))
        return false;
    *ret_shares = (double)number;
    return true;
}
