/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/columns.h"

#include <assert.h>
#include <glib.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct guest_info, member)

/* clang-format off: a table is read by its columns */
const struct column COLUMNS[] = {
    {"name", "NAME", 16, COLUMN_TEXT, AT(name), 'N', true, "NAME", "the guest's name"},
    {"size", "SIZE", 6, COLUMN_SIZE, AT(size), 'Z', true, "MEMSZ", "configured memory"},
    {"granted", "GRANTED", 7, COLUMN_SIZE, AT(granted), 'G', true, "MEMSZ - MCTLSZ",
     "what the guest sees: size less balloon"},
    {"resident", "RESIDENT", 8, COLUMN_SIZE, AT(resident), 'M', true, "GRANT",
     "host memory that backs the guest"},
    {"active", "ACTIVE", 6, COLUMN_SIZE, AT(active), 'A', true, "TCHD",
     "estimate of what the guest uses"},
    {"entitled", "ENTITLED", 8, COLUMN_SIZE, AT(entitled), 'E', true, "SZTGT",
     "what the policy lets it keep when memory is short"},
    {"balloon", "BALLOON", 7, COLUMN_SIZE, AT(balloon), 'B', true, "MCTLSZ",
     "taken by the balloon now"},
    {"target", "TARGET", 6, COLUMN_SIZE, AT(balloon_target), 'T', true, "MCTLTGT",
     "size the balloon was told to reach"},
    {"swap-in", "SWPIN/s", 7, COLUMN_SIZE_RATE, AT(swap_in_rate), 'S', true, NULL,
     "bytes the guest reads from its own swap"},
    {"faults", "MAJFLT/s", 8, COLUMN_RATE, AT(major_fault_rate), 'P', true, NULL,
     "major page faults of the guest"},
    {"distress", "DISTRESS", 12, COLUMN_TEXT_HERE, AT(distress), 'D', true, NULL,
     "signs that the guest lacks memory"},
    {"shares", "SHARES", 6, COLUMN_COUNT, AT(shares), 'H', true, "ASHRS",
     "weight when memory is short"},
    {"reservation", "RESERV", 6, COLUMN_SIZE, AT(reservation), 0, true, "AMIN",
     "never reclaimed below this"},
    {"limit", "LIMIT", 6, COLUMN_SIZE, AT(limit), 0, true, "AMAX", "never more than this"},
    {"driver", "DRIVER", 9, COLUMN_TEXT, AT(driver), 0, true, "MCTL?",
     "state of the guest's balloon driver"},
    {"reason", "REASON", 13, COLUMN_TEXT, AT(reason), 0, true, NULL,
     "what decided over the guest last (e explains)"},
    {"balloon-max", "BALMAX", 6, COLUMN_SIZE, AT(balloon_max), 0, false, "MCTLMAX",
     "the balloon is never made larger"},
    {"balloon-rate", "BALLN/s", 7, COLUMN_SIZE_RATE, AT(balloon_rate), 0, false, NULL,
     "growth of the balloon since the last frame"},
    {"resident-rate", "RESID/s", 7, COLUMN_SIZE_RATE, AT(resident_rate), 0, false, NULL,
     "growth of resident since the last frame"},
    {"active-slow", "ACTVSLOW", 8, COLUMN_SIZE, AT(activity_slow), 0, false, "%ACTVS",
     "slow average of the activity"},
    {"active-fast", "ACTVFAST", 8, COLUMN_SIZE, AT(activity_fast), 0, false, "%ACTVF",
     "fast average of the activity"},
    {"active-now", "ACTVNOW", 7, COLUMN_SIZE, AT(activity_current), 0, false, "%ACTV",
     "activity in the current window"},
    {"source", "SOURCE", 7, COLUMN_TEXT, AT(activity_source), 0, false, NULL,
     "where the activity is known from"},
    {"overhead", "OVERHD", 6, COLUMN_SIZE, AT(overhead), 0, false, "OVHD",
     "memory of the VMM's process besides the guest's"},
    {"swap-out", "SWPOUT/s", 8, COLUMN_SIZE_RATE, AT(swap_out_rate), 0, false, NULL,
     "bytes the guest writes to its own swap"},
    {"guest-free", "GFREE", 6, COLUMN_SIZE, AT(stats_free), 0, false, NULL,
     "free memory, as the guest says"},
    {"guest-available", "GAVAIL", 6, COLUMN_SIZE, AT(stats_available), 0, false, NULL,
     "available memory, as the guest says"},
    {"guest-caches", "GCACHE", 6, COLUMN_SIZE, AT(stats_caches), 0, false, NULL,
     "page cache, as the guest says"},
    {"oom-kills", "OOM", 4, COLUMN_COUNT, AT(oom_kills), 0, false, NULL,
     "processes the guest has killed for memory"},
    {"stats", "STATS", 13, COLUMN_TEXT, AT(trust), 0, false, NULL,
     "how far the guest's statistics are believed"},
    {"stats-age", "STATAGE", 7, COLUMN_AGE, AT(stats_age), 0, false, NULL,
     "age of the guest's statistics"},
    {"guest-swap", "GSWAP", 7, COLUMN_TEXT, AT(guest_swap), 0, false, NULL,
     "whether the guest has swap space"},
    {"exempt", "EXEMPT", 6, COLUMN_TEXT, AT(exempt), 0, false, NULL, "never acted upon"},
    {"link", "LINK", 10, COLUMN_TEXT, AT(link), 0, false, NULL, "connection to the VMM"},
    {"running", "RUN", 3, COLUMN_TEXT, AT(running), 0, false, NULL, "virtual CPUs are running"},
    {"ram", "RAM", 9, COLUMN_TEXT, AT(ram), 0, false, NULL, "kind of memory that backs the guest"},
    {"vmm", "VMM", 6, COLUMN_TEXT, AT(vmm), 0, false, NULL, "the program that runs the guest"},
    {"pager", "PAGER", 9, COLUMN_TEXT, AT(pager.state), 0, false, NULL,
     "what the guest's pager is doing"},
    {"zero", "ZERO", 6, COLUMN_SIZE, AT(pager.zero), 0, false, NULL,
     "put out, and all zeros: nothing is stored"},
    {"compressed", "ZIPPED", 6, COLUMN_SIZE, AT(pager.compressed), 'C', false, NULL,
     "put out, in the compression cache"},
    {"swapped", "SWAPPED", 7, COLUMN_SIZE, AT(pager.swapped), 'X', false, "SWCUR",
     "put out, in the guest's swap file"},
    {"absent", "ABSENT", 6, COLUMN_SIZE, AT(pager.absent), 0, false, NULL,
     "never touched, or given back by the guest"},
    {"allowed", "ALLOWED", 7, COLUMN_SIZE, AT(pager.allowed), 0, false, NULL,
     "what the pager lets the guest occupy"},
    {"pager-out", "OUT/s", 6, COLUMN_SIZE_RATE, AT(pager.out_rate), 0, false, "SWW/s",
     "bytes of the guest put out"},
    {"pager-in", "IN/s", 6, COLUMN_SIZE_RATE, AT(pager.in_rate), 'U', false, "SWR/s",
     "bytes of the guest brought back"},
    {"disk-write", "WRITE/s", 7, COLUMN_SIZE_RATE, AT(pager.write_rate), 0, false, NULL,
     "bytes written to the swap file"},
    {"disk-read", "READ/s", 6, COLUMN_SIZE_RATE, AT(pager.read_rate), 0, false, NULL,
     "bytes read from the swap file"},
    {"cache", "CACHE", 6, COLUMN_SIZE, AT(pager.cache_occupied), 0, false, "CACHEUSD",
     "memory of the compression cache"},
    {"cache-max", "CACHEMAX", 8, COLUMN_SIZE, AT(pager.cache_limit), 0, false, "CACHESZ",
     "the compression cache is never made larger"},
    {"ratio", "RATIO", 5, COLUMN_RATE, AT(pager.cache_ratio), 0, false, NULL,
     "size of the pages in the cache by what they take there"},
    {"fault-p50", "FLT50", 6, COLUMN_LATENCY, AT(pager.from_swap.p50), 0, false, NULL,
     "median wait for a page from the swap file"},
    {"fault-p99", "FLT99", 6, COLUMN_LATENCY, AT(pager.from_swap.p99), 0, false, NULL,
     "one in a hundred waits longer for a page from the swap file"},
    {"unzip-p50", "UNZ50", 6, COLUMN_LATENCY, AT(pager.from_cache.p50), 0, false, NULL,
     "median wait for a page from the cache"},
    {"unzip-p99", "UNZ99", 6, COLUMN_LATENCY, AT(pager.from_cache.p99), 0, false, NULL,
     "one in a hundred waits longer for a page from the cache"},
    {"ws-1s", "WS1S", 6, COLUMN_SIZE, AT(pager.ws_1s), 0, false, NULL,
     "working set: touched within a second"},
    {"ws-10s", "WS10S", 6, COLUMN_SIZE, AT(pager.ws_10s), 0, false, NULL, "within 10 seconds"},
    {"ws-1min", "WS1M", 6, COLUMN_SIZE, AT(pager.ws_1min), 0, false, NULL, "within a minute"},
    {"ws-10min", "WS10M", 6, COLUMN_SIZE, AT(pager.ws_10min), 0, false, NULL, "within ten minutes"},
    {"swap-file", "SWPFILE", 7, COLUMN_SIZE, AT(pager.swap_size), 0, false, NULL,
     "size of the swap file"},
    {"held", "HELD", 4, COLUMN_COUNT, AT(pager.held), 0, false, NULL,
     "pages that can't be read back"},
    {"takeovers", "TAKEN", 5, COLUMN_COUNT, AT(pager.takeovers), 0, false, NULL,
     "pagers that took over from one that died"},
    {"pager-own", "PGROVH", 6, COLUMN_SIZE, AT(pager.own), 0, false, NULL,
     "memory of the pager itself and of its map"},
    {"pager-pid", "PGRPID", 7, COLUMN_COUNT, AT(pager.pid), 0, false, NULL, "the pager's process"},
    {"pid", "PID", 7, COLUMN_COUNT, AT(pid), 0, false, "GID", "the VMM's process"},
};
/* clang-format on */

const char PAGER_COLUMNS[] =
    "name,pager,size,resident,zero,compressed,ratio,swapped,allowed,pager-out,"
    "pager-in,fault-p50,fault-p99,unzip-p50,ws-1s,ws-10s,ws-1min,ws-10min";

const size_t COLUMN_COUNT_ALL = G_N_ELEMENTS(COLUMNS);
static_assert(G_N_ELEMENTS(COLUMNS) <= COLUMNS_MAX, "raise COLUMNS_MAX");

/* A figure of the guest at the column's place. */
static const void *member(const struct column *column, const struct guest_info *guest)
{
    return (const char *)guest + column->offset;
}

static const char *text_member(const struct column *column, const struct guest_info *guest)
{
    const char *text;

    if (column->kind == COLUMN_TEXT_HERE)
        return member(column, guest);
    memcpy(&text, member(column, guest), sizeof(text));
    return text;
}

static uint64_t u64_member(const struct column *column, const struct guest_info *guest)
{
    uint64_t value;

    memcpy(&value, member(column, guest), sizeof(value));
    return value;
}

static double double_member(const struct column *column, const struct guest_info *guest)
{
    double value;

    memcpy(&value, member(column, guest), sizeof(value));
    return value;
}

int column_find(const char *id)
{
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (strcmp(COLUMNS[i].id, id) == 0)
            return (int)i;
    }
    return -1;
}

bool column_is_text(const struct column *column)
{
    return column->kind == COLUMN_TEXT || column->kind == COLUMN_TEXT_HERE;
}

char *column_text(const struct column *column, const struct guest_info *guest, bool ascii)
{
    char buf[TEXT_FIGURE_MAX];
    const char *text;
    uint64_t count;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        text = text_member(column, guest);
        return text_clean(text && *text ? text : "-", ascii);
    case COLUMN_SIZE:
        return g_strdup(text_size(u64_member(column, guest), buf));
    case COLUMN_COUNT:
        count = u64_member(column, guest);
        return count == UNKNOWN_U64 ? g_strdup("-") : g_strdup_printf("%" PRIu64, count);
    case COLUMN_SIZE_RATE:
        return g_strdup(text_size_rate(double_member(column, guest), buf));
    case COLUMN_RATE:
        return g_strdup(text_number(double_member(column, guest), buf));
    case COLUMN_AGE:
        return g_strdup(text_age(double_member(column, guest), buf));
    case COLUMN_LATENCY:
        return g_strdup(text_latency(double_member(column, guest), buf));
    }
    g_assert_not_reached();
}

char *column_exact(const struct column *column, const struct guest_info *guest)
{
    const char *text;
    uint64_t count;
    double value;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        text = text_member(column, guest);
        return g_strdup(text ? text : "");
    case COLUMN_SIZE:
    case COLUMN_COUNT:
        count = u64_member(column, guest);
        return count == UNKNOWN_U64 ? g_strdup("") : g_strdup_printf("%" PRIu64, count);
    case COLUMN_SIZE_RATE:
    case COLUMN_RATE:
    case COLUMN_AGE:
    case COLUMN_LATENCY:
        value = double_member(column, guest);
        return isnan(value) ? g_strdup("") : g_strdup_printf("%.12g", value);
    }
    g_assert_not_reached();
}

static int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) - !isnan(b);
    return (a > b) - (a < b);
}

int column_compare(const struct column *column, const struct guest_info *a,
                   const struct guest_info *b)
{
    uint64_t x, y;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        return g_strcmp0(text_member(column, a), text_member(column, b));
    case COLUMN_SIZE:
    case COLUMN_COUNT:
        /* One more makes UNKNOWN_U64 the smallest. */
        x = u64_member(column, a) + 1;
        y = u64_member(column, b) + 1;
        return (x > y) - (x < y);
    case COLUMN_SIZE_RATE:
    case COLUMN_RATE:
    case COLUMN_AGE:
    case COLUMN_LATENCY:
        return compare_doubles(double_member(column, a), double_member(column, b));
    }
    g_assert_not_reached();
}

size_t columns_parse(const char *list, int ret_columns[static COLUMNS_MAX], char **ret_wrong)
{
    g_auto(GStrv) words = g_strsplit(list, ",", COLUMNS_MAX + 1);
    bool taken[COLUMNS_MAX] = {false};
    size_t count = 0;

    for (char **word = words; *word; word++) {
        int column = column_find(g_strstrip(*word));

        /* A list longer than COLUMNS_MAX repeats one, and so ends here too. */
        if (column < 0 || taken[column]) {
            *ret_wrong = g_strdup(*word);
            return 0;
        }
        taken[column] = true;
        ret_columns[count++] = column;
    }
    if (count == 0)
        *ret_wrong = g_strdup("");
    return count;
}

size_t columns_of_pagers(int ret_columns[static COLUMNS_MAX])
{
    g_autofree char *wrong = NULL;
    size_t count = columns_parse(PAGER_COLUMNS, ret_columns, &wrong);

    g_assert(count > 0);
    return count;
}
