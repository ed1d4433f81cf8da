/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/text.h"

char *text_tidy(const char *text, glong max)
{
    GString *out = g_string_new(NULL);

    for (; *text && max > 0; text = g_utf8_find_next_char(text, NULL), max--) {
        gunichar c = g_utf8_get_char(text);

        g_string_append_unichar(out, g_unichar_iscntrl(c) ? ' ' : c);
    }
    return g_string_free(out, FALSE);
}
