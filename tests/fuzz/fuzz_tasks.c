/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tasks.c - any bytes as questions with choices
 *
 * The first byte says the form, whether tasks are drawn, and whether it is a
 * pipe.
 */
#include "fuzz_model.h"

#include "sov/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct sov_task *t)
{
    size_t sum = 0;

    if (t->n == 0 || t->n > SOV_TASK_CHOICES || t->answer >= t->n ||
        t->number == 0 || t->line == 0)
        abort();
    for (size_t i = 0; i < t->n; i++) {
        const struct sov_task_choice *c = &t->choice[i];

        for (size_t k = 0; k < c->lead.len; k++)
            sum += c->lead.p[k];
        for (size_t k = 0; k < c->text.len; k++)
            sum += c->text.p[k];
        if (c->letters > c->text.len)
            abort();
    }
    if (sum == SIZE_MAX)
        abort();
}

static void
check_err(const struct sov_err *err)
{
    if (err->rc == SOV_OK || err->msg[0] == '\0' ||
        strchr(err->msg, '\n') != NULL)
        abort();
}

static void
use(sov_tasks *t, bool draw)
{
    unsigned char sum[32];
    struct sov_task task;
    struct sov_err err = { 0 };
    int rc = draw ? sov_tasks_draw(t, 3, 1, &err) : 0;

    if (rc == 0)
        do {
            rc = sov_tasks_next(t, &task, &err);
            if (rc > 0)
                check(&task);
        } while (rc > 0);
    if (rc < 0)
        check_err(&err);
    if (sov_tasks_digest(t, sum, &err) < 0)
        check_err(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_err err = { 0 };
    sov_tasks *t;
    char path[64];
    int fd;

    if (size == 0)
        return 0;
    fd = fuzz_fd(data + 1, size - 1, data[0] & 8 && size < FUZZ_PIPE);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (sov_tasks_open(&t, path, (enum sov_task_form)(data[0] % 4 % 3), &err) <
        0) {
        check_err(&err);
    } else {
        use(t, (data[0] & 4) != 0);
        sov_tasks_close(t);
    }
    close(fd);
    return 0;
}
