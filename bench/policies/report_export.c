/* SPDX-License-Identifier: Apache-2.0 */
/* Every trial, as CSV and JSON, from one table of its figures. */
#include <stddef.h>

#include "base/json.h"
#include "policies/report.h"

static const struct {
    const char *name;
    size_t offset;
    bool count;
} figures[] = {
    {"mean", offsetof(struct trial, mean), false},
    {"worst", offsetof(struct trial, worst), false},
    {"lost", offsetof(struct trial, lost), false},
    {"oom_kills", offsetof(struct trial, oom_kills), true},
    {"panics", offsetof(struct trial, panics), true},
    {"host_kills", offsetof(struct trial, host_kills), true},
    {"below_reservation_seconds", offsetof(struct trial, below_reservation), false},
    {"fairness", offsetof(struct trial, fairness), false},
    {"moved_bytes_per_second", offsetof(struct trial, moved), false},
    {"reaction_seconds", offsetof(struct trial, reaction), false},
    {"withheld_seconds", offsetof(struct trial, withheld), false},
    {"over_seconds", offsetof(struct trial, over), false},
    {"manager_cpu", offsetof(struct trial, cpu), false},
};

static double figure(const struct trial *t, size_t i)
{
    const char *at = (const char *)t + figures[i].offset;

    return figures[i].count ? (double)*(const unsigned *)(const void *)at
                            : *(const double *)(const void *)at;
}

void report_csv(const struct runs *runs, FILE *out)
{
    fprintf(out, "class,scene,policy,worst_guest");
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        fprintf(out, ",%s", figures[i].name);
    fprintf(out, "\n");
    for (unsigned n = 0; n < runs->trials->len; n++) {
        const struct trial *t = &g_array_index(runs->trials, struct trial, n);

        fprintf(out, "%u,%s,%s,%s", t->scene->class, t->scene->name, t->policy->name,
                t->worst_guest ? t->worst_guest : "");
        for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
            fprintf(out, ",%.6g", figure(t, i));
        fprintf(out, "\n");
    }
}

struct json_object *report_json(const struct runs *runs)
{
    struct json_object *all = json_object_new_array();

    for (unsigned n = 0; n < runs->trials->len; n++) {
        const struct trial *t = &g_array_index(runs->trials, struct trial, n);
        struct json_object *o = json_object_new_object();

        json_put_u64(o, "class", t->scene->class);
        json_put_string(o, "scene", t->scene->name);
        json_put_string(o, "policy", t->policy->name);
        json_put_string(o, "worst_guest", t->worst_guest);
        for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
            json_put_double(o, figures[i].name, figure(t, i));
        json_object_array_add(all, o);
    }
    return all;
}
