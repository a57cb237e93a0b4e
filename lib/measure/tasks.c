/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c - tasks out of a file, one after the other, or some drawn of all
 *
 * A record is what a task is read from: six lines, or one.  It is kept as it
 * is until the next; after a draw all records are, and the order in which they
 * come.
 */
#include "measure/tasks.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "measure/feed.h"
#include "measure/limits.h"
#include "measure/making.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HELLASWAG_LINES 6

struct record {
    size_t at, len; /* of the text of all records */
    uint64_t number, line;
};

struct sov_tasks {
    struct sov_feed feed;
    enum sov_task_form form;
    const char *kind;
    struct sov_buf text; /* of records */
    struct record *record;
    size_t n, cap, next;
    bool drawn; /* all records are there */
    uint64_t number;
    struct sov_making making;
    struct sov_task_choice choice[SOV_TASK_CHOICES];
};

/* ---- opening ---- */

int
sov_tasks_over(sov_tasks **tasks, const struct sov_file *file,
               const char *name, enum sov_task_form form, struct sov_err *err)
{
    sov_tasks *t = sov_mem_array(1, sizeof(*t));
    struct sov_file f = *file;
    int rc;

    *tasks = NULL;
    if (t == NULL) {
        sov_file_close(&f);
        return sov_mem_fail(err);
    }
    t->form = form;
    rc = sov_feed_open(&t->feed, file, name, err);
    if (rc < 0) {
        sov_tasks_close(t);
        return rc;
    }
    *tasks = t;
    return 0;
}

int
sov_tasks_open(sov_tasks **tasks, const char *path, enum sov_task_form form,
               struct sov_err *err)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct sov_file file;
    int rc = sov_file_open(&file, path, err);

    *tasks = NULL;
    if (rc < 0)
        return sov_err_wrap(err, "%s", name);
    return sov_tasks_over(tasks, &file, name, form, err);
}

void
sov_tasks_close(sov_tasks *t)
{
    if (t == NULL)
        return;
    sov_feed_close(&t->feed);
    sov_buf_free(&t->text);
    sov_buf_free(&t->making.text);
    free(t->record);
    free(t);
}

/* ---- records ---- */

static bool
is_empty(struct sov_span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t')
            return false;
    return true;
}

static int
cut_short(const sov_tasks *t, uint64_t line, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%.160s: line %" PRIu64 ": a task of %d lines is cut short",
                    t->feed.name, line, HELLASWAG_LINES);
}

/* The next one, behind those that are there: 1, or 0. */
static int
read_record(sov_tasks *t, struct sov_err *err)
{
    int lines = t->form == SOV_TASK_HELLASWAG ? HELLASWAG_LINES : 1;
    struct record r = { .at = t->text.len };
    struct sov_span line;
    int rc;

    do
        rc = sov_feed_next(&t->feed, &line, err);
    while (rc > 0 && is_empty(line));
    if (rc <= 0)
        return rc;
    r.line = t->feed.line;
    r.number = ++t->number;
    if (r.number > SOV_TASKS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: more than %" PRIu64 " tasks", t->feed.name,
                        SOV_TASKS_MAX);
    for (int i = 0;;) {
        sov_buf_add(&t->text, line.p, line.len);
        sov_buf_u8(&t->text, '\n');
        if (++i == lines)
            break;
        rc = sov_feed_next(&t->feed, &line, err);
        if (rc <= 0)
            return rc < 0 ? rc : cut_short(t, r.line, err);
    }
    r.len = t->text.len - r.at;
    rc = sov_mem_grow((void **)&t->record, t->n, &t->cap, sizeof(r), err);
    if (rc < 0 || t->text.bad)
        return sov_mem_fail(err);
    t->record[t->n++] = r;
    return 1;
}

/* ---- what they say ---- */

/* The line of the record that begins at p, its end taken off. */
static struct sov_span
take_line(struct sov_span *left)
{
    const unsigned char *end = memchr(left->p, '\n', left->len);
    struct sov_span line = { left->p, (size_t)(end - left->p) };

    left->p += line.len + 1;
    left->len -= line.len + 1;
    return line;
}

static struct sov_making_place
put_span(struct sov_making *m, struct sov_span s)
{
    struct sov_making_place p = { m->text.len, s.len };

    sov_buf_add(&m->text, s.p, s.len);
    return p;
}

/* text behind lead, and the letters of what is in it from `from` on. */
static void
add_places(struct sov_making *m, struct sov_making_place lead,
           struct sov_making_place text, size_t from)
{
    size_t letters = 0;

    for (size_t i = from; i < text.len && !m->text.bad; i++)
        letters += (m->text.p[text.at + i] & 0xc0) != 0x80;
    m->choice[m->n].lead = lead;
    m->choice[m->n].text = text;
    m->choice[m->n].letters = letters;
    m->n++;
}

static int
make_hellaswag(struct sov_making *m, struct sov_span left, struct sov_err *err)
{
    struct sov_span line = take_line(&left);
    struct sov_making_place lead = put_span(m, line);

    line = take_line(&left);
    if (line.len != 1 || line.p[0] < '0' || line.p[0] > '3')
        return sov_fail(err, SOV_EFORMAT,
                        "the second line is no number from 0 to 3");
    m->answer = (size_t)(line.p[0] - '0');
    for (int i = 0; i < HELLASWAG_LINES - 2; i++) {
        struct sov_making_place text = { .at = m->text.len };

        sov_buf_u8(&m->text, ' ');
        put_span(m, take_line(&left));
        text.len = m->text.len - text.at;
        add_places(m, lead, text, 1);
    }
    return 0;
}

static int
make_lambada(struct sov_making *m, const json_t *o, struct sov_err *err)
{
    const char *text = json_string_value(json_object_get(o, "text"));
    const char *gap = text != NULL ? strrchr(text, ' ') : NULL;
    struct sov_span whole = { (const unsigned char *)text, 0 };
    struct sov_making_place lead;

    if (text == NULL)
        return sov_fail(err, SOV_EFORMAT, "\"text\" is missing, or no text");
    if (gap == NULL || gap == text || gap[1] == '\0')
        return sov_fail(err, SOV_EFORMAT,
                        "\"text\" does not end in a word behind a space");
    whole.len = (size_t)(gap - text);
    lead = put_span(m, whole);
    m->answer = 0;
    add_places(m, lead, sov_making_put(m, gap, NULL), 1);
    return 0;
}

static int
make_json(sov_tasks *t, struct sov_span line, struct sov_err *err)
{
    const struct sov_choice_form *form = NULL;
    json_t *o = NULL;
    int rc = sov_json_parse_within(line.p, line.len, SOV_TASK_DEPTH,
                                   SOV_TASK_VALUES, &o, err);

    if (rc == 0 && !json_is_object(o))
        rc = sov_fail(err, SOV_EFORMAT, "no JSON object");
    if (rc == 0 && t->form == SOV_TASK_LAMBADA)
        rc = make_lambada(&t->making, o, err);
    else if (rc == 0)
        rc = sov_choices_read(o, &t->making, &form, err);
    if (rc == 0 && t->kind == NULL)
        t->kind = form != NULL ? form->name : "lambada";
    json_decref(o);
    return rc;
}

static int
make(sov_tasks *t, const struct record *r, struct sov_task *task,
     struct sov_err *err)
{
    struct sov_span left = { t->text.p + r->at, r->len };
    struct sov_making *m = &t->making;
    int rc;

    m->text.len = 0;
    m->n = 0;
    if (t->form == SOV_TASK_HELLASWAG) {
        t->kind = "hellaswag";
        rc = make_hellaswag(m, left, err);
    } else {
        rc = make_json(t, take_line(&left), err);
    }
    if (rc < 0)
        return sov_err_wrap(err, "%.160s: line %" PRIu64, t->feed.name,
                            r->line);
    if (m->text.bad)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->n; i++)
        t->choice[i] = (struct sov_task_choice){
            .lead = { m->text.p + m->choice[i].lead.at, m->choice[i].lead.len },
            .text = { m->text.p + m->choice[i].text.at, m->choice[i].text.len },
            .letters = m->choice[i].letters,
        };
    *task = (struct sov_task){
        .choice = t->choice,
        .n = m->n,
        .answer = m->answer,
        .number = r->number,
        .line = r->line,
    };
    return 0;
}

int
sov_tasks_next(sov_tasks *t, struct sov_task *task, struct sov_err *err)
{
    int rc;

    if (!t->drawn) {
        t->text.len = t->n = t->next = 0;
        rc = read_record(t, err);
        if (rc <= 0)
            return rc;
    }
    if (t->next == t->n)
        return 0;
    rc = make(t, &t->record[t->next++], task, err);
    return rc < 0 ? rc : 1;
}

/* ---- drawing ---- */

/* M. Matsumoto, T. Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998. */
#define TWIST_N 624
#define TWIST_M 397

struct twister {
    uint32_t s[TWIST_N];
    int at;
};

static void
twister_seed(struct twister *t, uint32_t seed)
{
    t->s[0] = seed;
    for (uint32_t i = 1; i < TWIST_N; i++)
        t->s[i] = UINT32_C(1812433253) * (t->s[i - 1] ^ t->s[i - 1] >> 30) + i;
    t->at = TWIST_N;
}

static uint32_t
twister_next(struct twister *t)
{
    uint32_t y;

    if (t->at == TWIST_N) {
        for (int i = 0; i < TWIST_N; i++) {
            y = (t->s[i] & UINT32_C(0x80000000)) |
                (t->s[(i + 1) % TWIST_N] & UINT32_C(0x7fffffff));
            t->s[i] = t->s[(i + TWIST_M) % TWIST_N] ^ y >> 1 ^
                      (y & 1 ? UINT32_C(0x9908b0df) : 0);
        }
        t->at = 0;
    }
    y = t->s[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9d2c5680);
    y ^= y << 15 & UINT32_C(0xefc60000);
    return y ^ y >> 18;
}

/*
 * Below n, each as likely.  D. Lemire, "Fast Random Integer Generation in an
 * Interval", ACM TOMACS 29, 2019; C++'s library takes the same numbers.
 */
static uint32_t
twister_below(struct twister *t, uint32_t n)
{
    uint64_t product = (uint64_t)twister_next(t) * n;

    if ((uint32_t)product < n) {
        uint32_t least = (uint32_t)-n % n;

        while ((uint32_t)product < least)
            product = (uint64_t)twister_next(t) * n;
    }
    return (uint32_t)(product >> 32);
}

int
sov_tasks_draw(sov_tasks *t, uint64_t n, uint32_t seed, struct sov_err *err)
{
    struct twister chance;
    struct record *drawn;
    size_t left;
    int rc;

    if (t->number > 0)
        return sov_fail(err, SOV_EARG, "tasks were read already");
    do {
        rc = read_record(t, err);
        if (rc > 0 && t->text.len > SOV_TASKS_BYTES)
            rc = sov_fail(err, SOV_EFORMAT,
                          "%.160s: more than %" PRIu64 " bytes of tasks to "
                          "draw from",
                          t->feed.name, SOV_TASKS_BYTES);
    } while (rc > 0);
    left = t->n;
    n = n == 0 || n > left ? left : n;
    drawn = rc < 0 ? NULL : sov_mem_array((size_t)n, sizeof(*drawn));
    if (drawn == NULL)
        return rc < 0 ? rc : sov_mem_fail(err);
    twister_seed(&chance, seed);
    for (size_t i = 0; i < n; i++, left--) {
        uint32_t k = twister_below(&chance, (uint32_t)left);

        drawn[i] = t->record[k];
        memmove(&t->record[k], &t->record[k + 1],
                (left - 1 - k) * sizeof(*drawn));
    }
    free(t->record);
    t->record = drawn;
    t->n = t->cap = (size_t)n;
    t->drawn = true;
    return 0;
}

uint64_t
sov_tasks_count(const sov_tasks *t)
{
    return t->drawn ? t->n : 0;
}

bool
sov_tasks_by_tokens(const sov_tasks *t)
{
    return t->form == SOV_TASK_HELLASWAG;
}

const char *
sov_tasks_kind(const sov_tasks *t)
{
    return t->kind;
}

int
sov_tasks_digest(sov_tasks *t, unsigned char sha256[32], struct sov_err *err)
{
    return sov_feed_digest(&t->feed, sha256, err);
}
