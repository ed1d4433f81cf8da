/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/hmp_text.h"

#include <string.h>

#include "vmm/text.h"

#define HEX_DIGITS_MAX 16 /* of 64 bits */

/* Takes @word off the beginning of *text. */
static bool take(const char **text, const char *word)
{
    if (!g_str_has_prefix(*text, word))
        return false;
    *text += strlen(word);
    return true;
}

/* Takes a number as C writes it: 0x1f; "%#x" of 0 is "0". */
static bool take_hex(const char **text, uint64_t *ret)
{
    size_t digits;

    if (take(text, "0x")) {
        digits = strspn(*text, "0123456789abcdef");
        if (digits == 0 || digits > HEX_DIGITS_MAX)
            return false;
        *ret = g_ascii_strtoull(*text, NULL, 16);
        *text += digits;
        return true;
    }
    *ret = 0;
    return take(text, "0");
}

/* One line and no more. */
static bool at_end(const char *text)
{
    return !strcmp(text, "\r\n") || !strcmp(text, "\n") || !*text;
}

bool hmp_text_gva2gpa(const char *text, struct vmm_translation *ret)
{
    if (take(&text, "Unmapped") && at_end(text)) {
        ret->reach = VMM_REACH_UNMAPPED;
        return true;
    }
    ret->reach = VMM_REACH_MEMORY;
    return take(&text, "gpa: ") && take_hex(&text, &ret->gpa) && at_end(text);
}

static bool take_address(const char **text, uint64_t wanted)
{
    uint64_t address;

    return take_hex(text, &address) && address == wanted;
}

/* "(NAME) is 0x7f...". A name may hold brackets, so that it ends with the last one. */
static bool take_place(const char *text, struct vmm_translation *ret)
{
    const char *end = strrchr(text, ')');
    g_autofree char *name = NULL, *tidy = NULL;

    if (!end || !take(&text, "("))
        return false;
    name = g_strndup(text, (gsize)(end - text));
    tidy = text_tidy(name, VMM_REGION_MAX / 4 - 1); /* characters of up to four bytes */
    (void)g_strlcpy(ret->region, tidy, sizeof(ret->region));
    text = end;
    return take(&text, ") is ") && take_hex(&text, &ret->hva) && at_end(text);
}

bool hmp_text_gpa2hva(const char *text, uint64_t gpa, struct vmm_translation *ret)
{
    if (take(&text, "Host virtual address for ")) {
        ret->reach = VMM_REACH_MEMORY;
        return take_address(&text, gpa) && take(&text, " ") && take_place(text, ret);
    }
    if (take(&text, "No memory is mapped at address ")) {
        ret->reach = VMM_REACH_NOTHING;
        return take_address(&text, gpa) && at_end(text);
    }
    ret->reach = VMM_REACH_DEVICE;
    if (!take(&text, "Memory at address ") || !take_address(&text, gpa))
        return false;
    (void)take(&text, " "); /* was missing until 8.2 */
    return take(&text, "is not RAM") && at_end(text);
}
