/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - pointers that go from one thread to another
 */
#ifndef SOV_SYS_QUEUE_H
#define SOV_SYS_QUEUE_H

#include <stddef.h>

/*
 * A bounded queue of pointers between tasks.  put waits for room, get for an
 * element; after close, put gives 0 and get gives NULL once it is empty.
 */
struct sov_queue;
struct sov_queue *sov_queue_new(size_t cap); /* NULL: no memory */
void sov_queue_free(struct sov_queue *q);
int sov_queue_put(struct sov_queue *q, void *item); /* 1, or 0 if closed */
void *sov_queue_get(struct sov_queue *q);
void sov_queue_close(struct sov_queue *q);

#endif
