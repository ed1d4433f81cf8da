/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/guests/NAME/translate: one address through the three levels. The guest's page tables and
 * the place in QEMU's memory are QEMU's to tell, and the answer waits for it (vmm_guest_translate,
 * bounded by the guest's time-out). What the page is, the pager's map says; without a pager the
 * kernel's page tables, which say where it is in the host, too.
 *
 * These are looked at one after the other, while the guest runs: a page that moves meanwhile may be
 * "swapped" in one line and present in the next.
 */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "daemon/api_call.h"
#include "daemon/pagers.h"
#include "host/hostpage.h"

/* A question under way to the guest's VMM. */
struct job {
    struct daemon *daemon;
    struct api_ticket *ticket;
    struct vmm_address wanted;
};

/* --- the question --- */

/* "4096" or "0x1000". */
static bool parse_number(const char *text, uint64_t *ret)
{
    bool hex = g_str_has_prefix(text, "0x");
    guint64 value;

    if (!g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, UINT64_MAX, &value,
                                    NULL))
        return false;
    *ret = value;
    return true;
}

/* A number of the query, if it is given. False, and the error is replied, where it is none. */
static bool query_number(struct call *c, const char *key, uint64_t max, uint64_t *ret, bool *given)
{
    const char *text = g_hash_table_lookup(c->query, key);

    *given = text;
    if (!text || (parse_number(text, ret) && *ret <= max))
        return true;
    call_reply_error(c, 400, "bad-request", "%s=%.*s is no %s, like 4096 or 0x1000", key,
                     CALL_ECHO_MAX, text, max == UINT64_MAX ? "address" : "number of a CPU");
    return false;
}

static bool parse_query(struct call *c, struct vmm_address *ret)
{
    uint64_t physical = 0, virtual = 0, cpu = 0;
    bool is_physical, is_virtual, has_cpu;

    if (!query_number(c, "gpa", UINT64_MAX, &physical, &is_physical) ||
        !query_number(c, "gva", UINT64_MAX, &virtual, &is_virtual) ||
        !query_number(c, "cpu", UINT16_MAX, &cpu, &has_cpu))
        return false;
    if (is_physical == is_virtual || (has_cpu && !is_virtual)) {
        call_reply_error(c, 400, "bad-request",
                         "it takes gpa=ADDRESS, or gva=ADDRESS and perhaps cpu=NUMBER");
        return false;
    }
    *ret = (struct vmm_address){
        .is_virtual = is_virtual, .cpu = (unsigned)cpu, .address = is_virtual ? virtual : physical};
    return true;
}

/* --- the answer --- */

static struct json_object *view_virtual(const struct vmm_address *wanted)
{
    struct json_object *obj;

    if (!wanted->is_virtual)
        return NULL;
    obj = json_object_new_object();
    json_put_u64(obj, "address", wanted->address);
    json_put_u64(obj, "cpu", wanted->cpu);
    return obj;
}

static struct json_object *view_physical(const struct vmm_translation *t)
{
    struct json_object *obj;

    if (t->reach == VMM_REACH_UNMAPPED)
        return NULL;
    obj = json_object_new_object();
    json_put_u64(obj, "address", t->gpa);
    json_put_string(obj, "reach", vmm_reach_name(t->reach));
    json_put_string(obj, "region", t->reach == VMM_REACH_MEMORY ? t->region : NULL);
    return obj;
}

/* What the pager has of the page at @hva; false: it does not look after that memory. */
static bool put_pager_page(struct json_object *obj, const struct guest *guest, uint64_t hva)
{
    struct page_place place;
    uint64_t page;

    if (!pagers_page(guest, hva, &page, &place))
        return false;
    json_put_string(obj, "source", "pager");
    json_put_u64(obj, "page", page);
    json_put_string(obj, "state", page_state_name(place.state));
    json_put_bool(obj, "sampled", place.sampled);
    if (place.state == PAGE_COMPRESSED) {
        json_put_u64(obj, "length", place.length);
        json_put_u64(obj, "cache_offset", place.location);
    } else if (place.state == PAGE_SWAPPED) {
        json_put_u64(obj, "slot", place.location);
        json_put_u64(obj, "swap_offset", place.location * PAGE_BYTES);
    }
    return true;
}

static void put_kernel_page(struct json_object *obj, const struct hostpage *host)
{
    static const char *const states[] = {
        [HOSTPAGE_NONE] = "unmapped",
        [HOSTPAGE_PRESENT] = "resident",
        [HOSTPAGE_SWAPPED] = "swapped",
    };

    json_put_string(obj, "source", "kernel");
    json_put_string(obj, "state", host ? states[host->state] : NULL);
}

static struct json_object *view_memory(const struct guest *guest, uint64_t hva,
                                       const struct hostpage *host)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "address", hva);
    if (!put_pager_page(obj, guest, hva))
        put_kernel_page(obj, host);
    return obj;
}

static const char *why_hidden(int error, const struct hostpage *host)
{
    if (error == -EACCES || error == -EPERM)
        return "the daemon has no right to look into the process (it takes CAP_SYS_PTRACE)";
    if (error == -ESRCH)
        return "the process is not known, or has ended";
    if (error)
        return g_strerror(-error);
    if (host->state == HOSTPAGE_PRESENT && !host->frame)
        return "the kernel shows frame numbers to CAP_SYS_ADMIN alone";
    return NULL;
}

static struct json_object *view_frame(uint64_t hva, int error, const struct hostpage *host)
{
    struct json_object *obj = json_object_new_object();
    bool known = !error && host->state == HOSTPAGE_PRESENT && host->frame;

    if (error)
        json_put_null(obj, "present");
    else
        json_put_bool(obj, "present", host->state == HOSTPAGE_PRESENT);
    if (known) {
        json_put_u64(obj, "frame", host->frame);
        json_put_u64(obj, "address", host->frame * HOSTPAGE_BYTES + hva % HOSTPAGE_BYTES);
    } else {
        json_put_null(obj, "frame");
        json_put_null(obj, "address");
    }
    json_put_string(obj, "hidden", why_hidden(error, host));
    return obj;
}

static struct json_object *view_translation(const struct daemon *daemon, const struct guest *guest,
                                            const struct vmm_address *wanted,
                                            const struct vmm_translation *t)
{
    struct json_object *obj = json_object_new_object();
    pid_t pid = vmm_guest_facts(guest->vmm)->pid;
    struct hostpage host = {0};
    struct daemon_status status;
    int error;

    json_put_string(obj, "guest", guest->key);
    json_put_object(obj, "virtual", view_virtual(wanted));
    json_put_object(obj, "physical", view_physical(t));
    if (t->reach != VMM_REACH_MEMORY) {
        json_put_null(obj, "memory");
        json_put_null(obj, "host");
        return obj;
    }
    daemon_status(daemon, &status);
    error = pid ? hostpage_look(status.host_root, pid, t->hva, &host) : -ESRCH;
    json_put_object(obj, "memory", view_memory(guest, t->hva, error ? NULL : &host));
    json_put_object(obj, "host", view_frame(t->hva, error, &host));
    return obj;
}

static void translated(struct vmm_guest *vmm, const struct vmm_translation *t, const GError *error,
                       void *data)
{
    struct job *job = data;
    struct guest *guest = error ? NULL : vmm_guest_owner(vmm); /* NULL: has gone meanwhile */
    struct api_answer answer = {0};
    struct call c = {.answer = &answer};

    if (guest)
        call_reply(&c, view_translation(job->daemon, guest, &job->wanted, t));
    else
        call_reply_error(&c, 409, "conflict", "guest %s: %s", vmm_guest_facts(vmm)->name,
                         error ? error->message : "has ended");
    api_finish(job->ticket, &answer);
    g_free(job);
}

void call_reply_translation(struct call *c)
{
    struct guest *guest = call_find_guest(c);
    struct vmm_address wanted;
    struct api_ticket *ticket;
    struct job *job;

    if (!guest || !parse_query(c, &wanted))
        return;
    ticket = api_defer(c->request);
    if (!ticket) {
        call_reply_error(c, 503, "busy", "%d requests already wait for guests; try again",
                         API_DEFERRED_MAX);
        return;
    }
    job = g_new0(struct job, 1);
    *job = (struct job){.daemon = c->daemon, .ticket = ticket, .wanted = wanted};
    vmm_guest_translate(guest->vmm, &wanted, translated, job);
}
