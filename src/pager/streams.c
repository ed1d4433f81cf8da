/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fault continues a stream when it is on the very page behind what that stream was brought last:
 * what was brought raises no fault itself. Random faults meet that by chance once in (pages out /
 * STREAMS) times, and cost one page too many then. Each hit doubles the run.
 */
#include "pager/streams.h"

unsigned streams_fault(struct streams *s, uint64_t page, struct stream **ret)
{
    struct stream *oldest = &s->stream[0];

    s->clock++;
    for (struct stream *i = s->stream; i < s->stream + STREAMS; i++) {
        if (i->used > 0 && i->next == page) {
            i->used = s->clock;
            i->run = i->run < STREAM_RUN_MAX ? i->run * 2 : STREAM_RUN_MAX;
            *ret = i;
            return i->run;
        }
        if (i->used < oldest->used)
            oldest = i;
    }
    *oldest = (struct stream){.next = page + 1, .run = 1, .used = s->clock};
    *ret = oldest;
    return 1;
}
