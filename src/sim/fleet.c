/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fleet.h"

#include <math.h>
#include <string.h>

#include "scenario/error.h"
#include "scenario/inifile.h"
#include "sim/fleet_keys.h"

#define KIND_SECTION   "guests "
#define KIND_NAME_MAX  24
#define GUEST_SIZE_MIN (64 * MIB)
#define GUEST_SIZE_MAX (16384 * GIB)
/* A spell of no time would never end, one of a microsecond make more steps than anybody wants. */
#define SPELL_MIN        10.0
#define SHARES_TOLERANCE 0.001

static void kind_free(void *data)
{
    struct fleet_kind *k = data;

    g_free(k->name);
    g_free(k);
}

static struct dist fixed(double value)
{
    return (struct dist){.kind = DIST_FIXED, .a = value};
}

/* A guest that does nothing special, all day. */
static struct fleet_kind *kind_new(const char *name)
{
    struct fleet_kind *k = g_new0(struct fleet_kind, 1);

    k->name = g_strdup(name);
    k->shares = 1;
    k->pager = true;
    k->limit = 1;
    k->vcpus = k->threads = 1;
    k->cache_reuse = 600;
    k->reuse[0] = (struct fleet_reuse){.part = 0.2, .interval = 1};
    k->reuse[1] = (struct fleet_reuse){.part = 0.3, .interval = 60};
    k->reuse[2] = (struct fleet_reuse){.part = 0.2, .interval = 3600};
    k->content = (struct work_content){.zero = 0.05, .compressible = 0.5, .ratio = 0.4};
    k->writes = 0.3;
    k->busy_part = 0.5;
    k->peak_part = 1;
    k->spell = fixed(1200);
    k->load = 0.3;
    k->idle_load = 0.01;
    k->idle_use = 0.02;
    k->burst_length = fixed(300);
    return k;
}

static bool check_size(const struct inifile *ini, const char *section, const struct fleet_kind *k,
                       GError **error)
{
    if (k->size.a == 0)
        return inifile_fail(ini, section, NULL, error, "size is missing: how large is a guest?");
    if (k->size.a < (double)GUEST_SIZE_MIN || dist_most(&k->size) > (double)GUEST_SIZE_MAX)
        return inifile_fail(ini, section, "size", error, "a guest has from 64M to 16T");
    if (k->busy.a == 0)
        return inifile_fail(ini, section, NULL, error,
                            "busy is missing: how much do its programs hold when they work?");
    return true;
}

static bool check_parts(const struct inifile *ini, const char *section, const struct fleet_kind *k,
                        GError **error)
{
    const struct work_content *c = &k->content;
    double used = 0;

    for (unsigned r = 0; r < FLEET_REUSES; r++)
        used += k->reuse[r].part;
    if (used > 1)
        return inifile_fail(ini, section, NULL, error,
                            "hot, warm and cold are more than all together: %.0f%%", used * 100);
    if (c->zero + c->compressible + c->identical > 1)
        return inifile_fail(ini, section, NULL, error,
                            "zero, compressible and identical are more than all together: %.0f%%",
                            (c->zero + c->compressible + c->identical) * 100);
    if (c->ratio <= 0)
        return inifile_fail(ini, section, "compressed-to", error, "a part above 0%%");
    if (k->limit <= 0 || k->limit < k->reservation)
        return inifile_fail(ini, section, "limit", error, "a part above 0%% and the reservation");
    return true;
}

static bool check_times(const struct inifile *ini, const char *section, const struct fleet_kind *k,
                        GError **error)
{
    if (k->spell.a < SPELL_MIN)
        return inifile_fail(ini, section, "spell", error, "10 seconds or more");
    if (k->jitter > 12 * 3600)
        return inifile_fail(ini, section, "jitter", error, "at most half a day");
    if (k->cache_reuse <= 0)
        return inifile_fail(ini, section, "cache-reuse", error, "a time above 0");
    return true;
}

/* What follows from other keys where it is not said. */
static void complete(struct fleet_kind *k)
{
    if (k->idle.a == 0)
        k->idle = k->busy;
    if (k->peak.from == k->peak.to)
        k->peak_part = k->busy_part;
}

static bool read_kind(struct fleet *f, const struct inifile *ini, const char *section,
                      GError **error)
{
    const char *name = section + strlen(KIND_SECTION);
    struct fleet_kind *k = kind_new(name);

    g_ptr_array_add(f->kinds, k);
    if (name[0] == '\0' || strlen(name) > KIND_NAME_MAX)
        return inifile_fail(ini, section, NULL, error, "a name of 1 to %u letters is missing",
                            KIND_NAME_MAX);
    if (f->kinds->len > FLEET_KINDS_MAX)
        return inifile_fail(ini, section, NULL, error, "more than %u kinds", FLEET_KINDS_MAX);
    if (!keytable_read(ini, section, FLEET_KIND_KEYS, FLEET_KIND_KEYS_N, NULL, k, error))
        return false;
    if ((k->share > 0) == (k->count > 0))
        return inifile_fail(ini, section, NULL, error,
                            "either share (a part of the fleet) or count (so many) is to be given");
    if (!check_size(ini, section, k, error) || !check_parts(ini, section, k, error) ||
        !check_times(ini, section, k, error))
        return false;
    complete(k);
    return true;
}

static bool read_host(struct fleet *f, const struct inifile *ini, GError **error)
{
    struct fleet_host *h = &f->host;

    if (!keytable_read(ini, "host", FLEET_HOST_KEYS, FLEET_HOST_KEYS_N, NULL, h, error))
        return false;
    if (h->memory == 0)
        return inifile_fail(ini, "host", NULL, error, "memory is missing: how much has the host?");
    if (h->reserve >= h->memory)
        return inifile_fail(ini, "host", "reserve", error, "it leaves nothing of the memory");
    return true;
}

/* A share of the others is computed from theirs, so what is written has to be all. */
static bool check_shares(const struct fleet *f, const char *path, GError **error)
{
    double sum = 0;

    for (unsigned i = 0; i < f->kinds->len; i++)
        sum += ((const struct fleet_kind *)f->kinds->pdata[i])->share;
    if (sum > 0 && fabs(sum - 1) <= SHARES_TOLERANCE)
        return true;
    if (f->kinds->len == 0)
        return scenario_fail(error, "%s: no guests: a section [guests NAME] is needed", path);
    return scenario_fail(error, "%s: the shares of all kinds are %.4g%% together; 100%% is needed",
                         path, sum * 100);
}

static bool read_all(struct fleet *f, const struct inifile *ini, GError **error)
{
    g_auto(GStrv) sections = g_key_file_get_groups(inifile_keys(ini), NULL);

    for (char **s = sections; *s; s++) {
        if (strcmp(*s, "host") == 0) {
            if (!read_host(f, ini, error))
                return false;
        } else if (g_str_has_prefix(*s, KIND_SECTION)) {
            if (!read_kind(f, ini, *s, error))
                return false;
        } else {
            return inifile_fail(ini, *s, NULL, error,
                                "unknown section; allowed are host, guests NAME");
        }
    }
    return true;
}

static struct fleet *fleet_new(const char *title)
{
    struct fleet *f = g_new0(struct fleet, 1);

    f->title = g_strdup(title);
    f->kinds = g_ptr_array_new_with_free_func(kind_free);
    f->host.cache = 0.1;
    return f;
}

struct fleet *fleet_load(const char *path, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    struct inifile *ini = inifile_load(path, error);
    struct fleet *f;

    if (!ini)
        return NULL;
    f = fleet_new(name);
    if (!read_all(f, ini, error) || !check_shares(f, path, error) ||
        (f->host.memory == 0 &&
         !scenario_fail(error, "%s: [host] memory is missing: how much has the host?", path)))
        g_clear_pointer(&f, fleet_free);
    inifile_free(ini);
    return f;
}

struct fleet *fleet_of_trace(const struct trace *trace, enum fleet_shift shift)
{
    struct fleet *f = fleet_new("recorded guests");

    f->trace = trace;
    f->shift = shift;
    return f;
}

void fleet_free(struct fleet *f)
{
    g_free(f->title);
    g_ptr_array_unref(f->kinds);
    g_free(f);
}
