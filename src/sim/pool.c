/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/pool.h"

static void move_place(struct pool *from, struct pool *to, enum place place, double part)
{
    double bytes = from->at[place] * part;

    from->at[place] -= bytes;
    to->at[place] += bytes;
}

double pool_move_memory(struct pool *from, struct pool *to, double part)
{
    double before = pool_memory(from);

    for (enum place place = 0; place < PLACE_AWAY; place++)
        move_place(from, to, place, part);
    return before - pool_memory(from);
}

void pool_move(struct pool *from, struct pool *to, double part)
{
    pool_move_memory(from, to, part);
    move_place(from, to, PLACE_AWAY, part);
}
