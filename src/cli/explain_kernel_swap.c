/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "cli/explain_parts.h"

static void tell_standing(struct sentences *s, const struct kernel_swap_info *k)
{
    static const struct meaning standings[] = {
        {"none", "not yet: the guest is not known well enough"},
        {"waiting", "waits for swap space"},
        {"ready", "the kernel swaps for it, since its memory is private"},
        {"refused", "refused: nothing can be swapped for this guest"},
    };

    tell(s, "host swap", "%s", meaning_of(k->standing, standings, G_N_ELEMENTS(standings)));
    if (k->error && *k->error)
        tell(s, "", "%s", k->error);
}

static void tell_method(struct sentences *s, const struct kernel_swap_info *k)
{
    static const struct meaning methods[] = {
        {"memory.reclaim", "memory.reclaim: the kernel chooses among the pages of its cgroup"},
        {"pageout", "pageout: the daemon chooses pages, and has the kernel put these out"},
    };
    static const struct meaning sources[] = {
        {"idle-pages", "the kernel's idle page tracking"},
        {"pageout", "pages put out to see when they come back"},
        {"none", "nothing: this kernel has no means"},
    };

    if (k->method)
        tell(s, "", "by %s", meaning_of(k->method, methods, G_N_ELEMENTS(methods)));
    if (k->method_reason && *k->method_reason)
        tell(s, "", "not by a better means: %s", k->method_reason);
    if (k->cgroup)
        tell(s, "", "its cgroup is %s", k->cgroup);
    if (k->source)
        tell(s, "", "its active memory is known from %s",
             meaning_of(k->source, sources, G_N_ELEMENTS(sources)));
    if (!isnan(k->sampled_active))
        tell(s, "", "%.0f %% of resident memory touched in the last window of samples",
             100 * k->sampled_active);
}

static void tell_amounts(struct sentences *s, const struct kernel_swap_info *k)
{
    struct figures f = {.used = 0};
    bool zipped = k->zswapped != UNKNOWN_U64 && k->zswapped > 0;

    tell(s, "swapped", "%s%s%s%s of %s promised to it", f_size(&f, k->swapped), also(zipped, " ("),
         zipped ? f_size(&f, k->zswapped) : "",
         also(zipped, " of it compressed in memory, by zswap)"), f_size(&f, k->promised));
    if (k->allowed != UNKNOWN_U64)
        tell(s, "", "the guest may occupy %s; what is above is put out", f_size(&f, k->allowed));
    else
        tell(s, "", "the guest may occupy all that it touches");
    if (k->explain && *k->explain)
        tell(s, "", "%s", k->explain);
    f.used = 0;
    tell(s, "moving", "%s/s out, %s/s in; so far %s out, %s in; %s/s while reclaiming",
         f_rate(&f, k->out_rate), f_rate(&f, k->in_rate), f_size(&f, k->out), f_size(&f, k->in),
         f_rate(&f, k->speed));
}

void explain_kernel_swap(struct sentences *s, const struct kernel_swap_info *swap)
{
    tell_standing(s, swap);
    if (!is_word(swap->standing, "ready"))
        return;
    tell_method(s, swap);
    tell_amounts(s, swap);
}
