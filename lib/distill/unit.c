/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.c - sequences of a course, some together, as a trainee takes them
 */
#include "distill/unit.h"

#include "base/mem.h"

#include <stdlib.h>

int
sov_units_new(struct sov_units *u, const sov_course *course,
              const struct sov_shape *shape, struct sov_err *err)
{
    size_t room = sov_shape_unit(shape), most = room / shape->n_ctx;

    *u = (struct sov_units){ .course = course, .most = most };
    u->seq = sov_mem_array(most, sizeof(*u->seq));
    u->first = sov_mem_array(most + 1, sizeof(*u->first));
    u->ids = sov_mem_array(room, sizeof(*u->ids));
    u->next = sov_mem_array(room, sizeof(*u->next));
    if (u->seq != NULL && u->first != NULL && u->ids != NULL && u->next != NULL)
        return 0;
    sov_units_free(u);
    return sov_mem_fail(err);
}

void
sov_units_free(struct sov_units *u)
{
    free(u->seq);
    free(u->first);
    free(u->ids);
    free(u->next);
    *u = (struct sov_units){ 0 };
}

void
sov_units_read(struct sov_units *u, uint64_t step, uint64_t i, size_t n,
               struct sov_unit *unit)
{
    size_t at = 0;

    for (size_t k = 0; k < n; k++) {
        size_t len = 0;

        u->seq[k] = step > 0 ? sov_course_at(u->course, step, (size_t)i + k)
                             : sov_course_number(u->course, i + k);
        u->first[k] = at;
        if (step > 0 && u->other != NULL)
            len = u->other(u->arg, step, i + k, u->ids + at, u->next + at);
        if (len == 0) {
            sov_course_read(u->course, &u->seq[k], u->ids + at, u->next + at);
            len = u->seq[k].n;
        }
        at += len;
    }
    u->first[n] = at;
    *unit = (struct sov_unit){
        .n_seq = n,
        .first = u->first,
        .ids = u->ids,
        .next = u->next,
    };
}
