/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - pointers that go from one thread to another
 */
#include "sys/queue.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct sov_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t cap;
    size_t first;
    size_t n;
    bool closed;
    void *item[];
};

struct sov_queue *
sov_queue_new(size_t cap)
{
    struct sov_queue *q;

    if (cap == 0 || cap > 65536)
        return NULL;
    q = sov_mem_array(1, sizeof(*q) + cap * sizeof(q->item[0]));
    if (q == NULL)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->cap = cap;
    return q;
}

void
sov_queue_free(struct sov_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

int
sov_queue_put(struct sov_queue *q, void *item)
{
    int done = 0;

    pthread_mutex_lock(&q->lock);
    while (q->n == q->cap && !q->closed)
        pthread_cond_wait(&q->changed, &q->lock);
    if (!q->closed) {
        q->item[(q->first + q->n) % q->cap] = item;
        q->n++;
        done = 1;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return done;
}

void *
sov_queue_get(struct sov_queue *q)
{
    void *item = NULL;

    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed)
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->n > 0) {
        item = q->item[q->first];
        q->first = (q->first + 1) % q->cap;
        q->n--;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void
sov_queue_close(struct sov_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
