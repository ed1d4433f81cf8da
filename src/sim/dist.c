/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/dist.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "core/units.h"

/* No lognormal draw is further from the median than by the spread to this power, no normal one
 * further from the mean than by so many deviations: one guest in a thousand would be. */
#define TAIL 3.0

#define SPREAD_MAX 10.0

typedef bool amount_parser(const char *text, double *ret);

static bool parse_size(const char *text, double *ret)
{
    uint64_t bytes;

    if (!size_parse(text, &bytes))
        return false;
    *ret = (double)bytes;
    return true;
}

static bool parse_spread(const char *text, double *ret)
{
    return number_parse(text, 1, SPREAD_MAX, ret);
}

static bool parse(const char *text, struct dist *ret, amount_parser *amount)
{
    static const char *const names[] = {
        [DIST_UNIFORM] = "uniform", [DIST_NORMAL] = "normal", [DIST_LOGNORMAL] = "lognormal"};
    g_auto(GStrv) words = g_strsplit(text, " ", 4);
    struct dist d = {0};

    if (g_strv_length(words) == 1) {
        if (!amount(words[0], &d.a))
            return false;
        *ret = d;
        return true;
    }
    for (int kind = DIST_UNIFORM; kind <= DIST_LOGNORMAL; kind++)
        if (strcmp(words[0], names[kind]) == 0)
            d.kind = (enum dist_kind)kind;
    if (d.kind == DIST_FIXED || g_strv_length(words) != 3 || !amount(words[1], &d.a))
        return false;
    if (d.kind == DIST_LOGNORMAL ? !parse_spread(words[2], &d.b) : !amount(words[2], &d.b))
        return false;
    if (d.kind == DIST_UNIFORM && d.a > d.b)
        return false;
    *ret = d;
    return true;
}

bool dist_parse_size(const char *text, void *member)
{
    return parse(text, member, parse_size);
}

bool dist_parse_seconds(const char *text, void *member)
{
    return parse(text, member, seconds_parse);
}

/* Standard normal, within the tail, of two uniform numbers, the first above 0 (Box and Muller). */
static double normal(double u, double v)
{
    return CLAMP(sqrt(-2 * log(u)) * cos(2 * G_PI * v), -TAIL, TAIL);
}

double dist_draw(const struct dist *d, GRand *rand)
{
    double u = 1 - g_rand_double(rand), v = g_rand_double(rand);

    switch (d->kind) {
    case DIST_UNIFORM:
        return d->b - (d->b - d->a) * u;
    case DIST_NORMAL:
        return fmax(0, d->a + d->b * normal(u, v));
    case DIST_LOGNORMAL:
        return d->a * pow(d->b, normal(u, v));
    case DIST_FIXED:
        break;
    }
    return d->a;
}

double dist_most(const struct dist *d)
{
    switch (d->kind) {
    case DIST_UNIFORM:
        return d->b;
    case DIST_NORMAL:
        return d->a + TAIL * d->b;
    case DIST_LOGNORMAL:
        return d->a * pow(d->b, TAIL);
    case DIST_FIXED:
        break;
    }
    return d->a;
}
