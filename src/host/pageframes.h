/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of page frames (Documentation/admin-guide/mm/pagemap.rst,
 * idle_page_tracking.rst).
 *
 * Idle page tracking: a page frame is marked idle, and the mark vanishes when the page is touched,
 * by a process or through a KVM guest's own page tables
 * (Documentation/admin-guide/mm/idle_page_tracking.rst; CONFIG_IDLE_PAGE_TRACKING). It costs a
 * guest nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The bitmap's descriptor (close-on-exec), below @host_root ("" on a real host); -ENOENT: this
 * kernel has none, or another -errno. */
int pageframes_open_idle(const char *host_root);

/*
 * Marks the page in frame @frame. 0, or -errno; -ENODEV: this frame can't be tracked. Of a huge
 * page only the whole can be: *@tracked is the frame that was marked.
 */
int pageframes_mark(int fd, uint64_t frame, uint64_t *tracked);

/* 1: nobody has touched it since, 0: somebody has, or -errno. */
int pageframes_is_idle(int fd, uint64_t frame);

/* /proc/kpageflags, or -errno. */
int pageframes_open_flags(const char *host_root);

/* Is the frame a part of a huge page? False where that can't be told (@fd -1, @frame 0), too. */
bool pageframes_is_huge(int fd, uint64_t frame);

/* Is it just being written to a disk? False where that can't be told, too. */
bool pageframes_is_written(int fd, uint64_t frame);
