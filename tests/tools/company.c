/* SPDX-License-Identifier: Apache-2.0 */
/*
 * company.c - does a timeline answer the same in any company?
 *
 *     company [-t THREADS] [-s STEPS] MODEL
 *
 * For each form of keys and values: timelines of a batch read random pieces of
 * text together, begin with what others began with, are forked, cut back and
 * closed, in a pool that is too small for all of them; and for each there is
 * another session, alone, that reads the same, and keeps all where the batch
 * keeps windows.  Their logits must be the same bits.  Prints a digest of all logits for each form.
 *
 * Exit status: 0 they are, 1 they are not.
 */
#include "sov/base.h"
#include "sov/model.h"
#include "sov/run.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_LINES 7
#define N_CTX   330
#define PIECE   40 /* tokens of a part, at most */
#define BLOCKS  20

struct line {
    sov_session *s;
    sov_session *alone;
    int32_t ids[N_CTX];
    size_t n;
    int text; /* what it begins with */
};

static struct line lines[N_LINES];
static sov_batch *batch;
static uint64_t state;
static uint64_t digest;
static size_t n_recalled;
static size_t n_full;
static size_t n_gone;

static void
die(const char *what, const struct sov_err *err)
{
    fprintf(stderr, "company: %s: %s\n", what, err->msg);
    exit(70);
}

/* Marsaglia's xorshift. */
static uint32_t
below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % n;
}

/* Tenants a and b, and nobody in particular. */
static void
begin(struct line *l)
{
    static const char *const tenants[] = { NULL, "a", "b" };
    struct sov_err err;

    if (sov_session_new(&l->s, batch, tenants[below(3)], &err) < 0)
        die("a session", &err);
    l->n = 0;
    l->text = (int)below(3);
    sov_session_truncate(l->alone, 0);
}

static void
end(struct line *l)
{
    sov_session_close(l->s);
    l->s = NULL;
}

/* Token number i: of one of two texts, up to where the line leaves it. */
static int32_t
token(const struct line *l, size_t i, uint32_t n_vocab)
{
    if (l->text < 2 && i < 150)
        return (int32_t)((i * 31 + (size_t)l->text * 7 + i / 13) % n_vocab);
    return (int32_t)below(n_vocab);
}

/* The same bits in both; they become part of the digest. */
static void
compare(const float *got, const float *want, size_t n, const struct line *l)
{
    if (got == NULL || want == NULL ||
        memcmp(got, want, n * sizeof(*got)) != 0) {
        printf("timeline %td differs after %zu tokens\n", l - lines, l->n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, &got[i], sizeof(u));
        digest = (digest ^ u) * UINT64_C(1099511628211);
    }
}

/* What the timeline was given in the batch, alone. */
static void
check(struct line *l, const struct sov_batch_part *part)
{
    size_t n_vocab = sov_session_vocab(l->s);
    size_t before = l->n - part->n;
    size_t pos = sov_session_pos(l->alone);
    size_t rows = part->what == SOV_LOGITS_ALL ? part->n : 1;
    struct sov_err err;

    if (part->what == SOV_LOGITS_NONE)
        return;
    if (sov_session_eval(l->alone, l->ids + pos, before - pos, SOV_LOGITS_NONE,
                         &err) < 0 ||
        sov_session_eval(l->alone, l->ids + before, part->n, part->what, &err) <
            0)
        die("alone", &err);
    for (size_t i = 0; i < rows; i++)
        compare(sov_session_logits(l->s, i), sov_session_logits(l->alone, i),
                n_vocab, l);
}

static void
fill(struct line *l, struct sov_batch_part *part)
{
    static const enum sov_logits whats[] = { SOV_LOGITS_LAST, SOV_LOGITS_LAST,
                                             SOV_LOGITS_ALL, SOV_LOGITS_NONE };
    uint32_t n_vocab = sov_session_vocab(l->s);
    size_t n = below(3) > 0 ? 1 : 1 + below(PIECE);

    n = n < N_CTX - l->n ? n : N_CTX - l->n;
    for (size_t i = 0; i < n; i++)
        l->ids[l->n + i] = token(l, l->n + i, n_vocab);
    *part = (struct sov_batch_part){
        .session = l->s, .ids = l->ids + l->n, .n = n, .what = whats[below(4)]
    };
}

/* Take over what is known of the text that the line begins with. */
static void
recall(struct line *l)
{
    uint32_t n_vocab = sov_session_vocab(l->s);
    int32_t ids[140];

    if (l->text == 2 || l->n > 0)
        return;
    for (size_t i = 0; i < 140; i++)
        ids[i] = token(l, i, n_vocab);
    l->n = sov_session_recall(l->s, ids, 140);
    memcpy(l->ids, ids, l->n * sizeof(*ids));
    n_recalled += l->n;
}

static void
fork_line(struct line *from, struct line *to)
{
    struct sov_err err;

    if (from == to)
        return;
    end(to);
    if (sov_session_fork(&to->s, from->s, &err) < 0)
        die("a fork", &err);
    memcpy(to->ids, from->ids, from->n * sizeof(*to->ids));
    to->n = from->n;
    to->text = from->text;
    sov_session_truncate(to->alone, 0);
}

static void
cut_line(struct line *l)
{
    size_t n = below((uint32_t)l->n + 1);

    sov_session_truncate(l->s, (uint32_t)n);
    l->n = sov_session_pos(l->s);
    if (l->n != n && l->n != 0) /* where windows are gone */
        exit(1);
    n_gone += l->n != n;
    sov_session_truncate(l->alone, (uint32_t)l->n);
}

static void
change(void)
{
    struct line *l = &lines[below(N_LINES)];

    switch (below(12)) {
    case 0:
        fork_line(l, &lines[below(N_LINES)]);
        break;
    case 1:
        cut_line(l);
        break;
    case 2:
        end(l);
        begin(l);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < N_LINES; i++) {
        if (lines[i].n == N_CTX) {
            end(&lines[i]);
            begin(&lines[i]);
        }
        recall(&lines[i]);
    }
}

static void
step(void)
{
    struct sov_batch_part part[N_LINES];
    struct line *of[N_LINES];
    struct sov_err err;
    uint32_t room = sov_batch_room(batch);
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < N_LINES; i++)
        if (below(4) > 0) {
            of[n] = &lines[i];
            fill(&lines[i], &part[n++]);
        }
    rc = sov_batch_eval(batch, part, n, &err);
    if (rc == SOV_EMEM) {
        struct line *l = &lines[below(N_LINES)];

        n_full++;
        if (sov_batch_room(batch) != room)
            die("room", &err);
        end(l);
        begin(l);
        return;
    }
    if (rc < 0)
        die("a batch", &err);
    for (size_t i = 0; i < n; i++) {
        of[i]->n += part[i].n;
        if (sov_session_pos(part[i].session) != of[i]->n)
            exit(1);
    }
    for (size_t i = 0; i < n; i++)
        check(of[i], &part[i]);
}

static int
run(const sov_model *model, enum sov_kv_form kv, bool precise, size_t steps,
    struct sov_err *err)
{
    struct sov_session_opts opts = { .n_ctx = N_CTX,
                                     .kv = kv,
                                     .precise = precise,
                                     .n_logits = N_LINES * PIECE };
    int rc = 0;

    state = UINT64_C(0x9e3779b97f4a7c15);
    digest = UINT64_C(14695981039346656037);
    n_recalled = n_full = n_gone = 0;
    for (size_t i = 0; i < N_LINES && rc == 0; i++)
        rc = sov_session_open(&lines[i].alone, model, &opts, err);
    opts.n_seq = N_LINES;
    opts.n_batch = 64;
    opts.n_kv = BLOCKS * SOV_BLOCK;
    opts.reuse = true;
    if (rc == 0)
        rc = sov_batch_open(&batch, model, &opts, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < N_LINES; i++)
        begin(&lines[i]);
    for (size_t i = 0; i < steps; i++) {
        change();
        step();
    }
    sov_batch_close(batch);
    for (size_t i = 0; i < N_LINES; i++)
        sov_session_close(lines[i].alone);
    return 0;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum sov_kv_form kv;
        bool precise;
    } forms[] = {
        { "q8", SOV_KV_Q8, false },
        { "f16", SOV_KV_F16, false },
        { "bf16", SOV_KV_BF16, false },
        { "f32", SOV_KV_F32, true },
    };
    struct sov_err err;
    sov_model *model;
    size_t steps = 60;
    int c;

    while ((c = getopt(argc, argv, "t:s:")) != -1) {
        if (c == 't')
            sov_set_threads((unsigned)strtoul(optarg, NULL, 10));
        else if (c == 's')
            steps = strtoul(optarg, NULL, 10);
        else
            return 64;
    }
    if (optind + 1 != argc)
        return 64;
    if (sov_model_open(&model, argv[optind], SOV_ACCESS_MAP, &err) < 0)
        die(argv[optind], &err);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (run(model, forms[i].kv, forms[i].precise, steps, &err) < 0)
            die(forms[i].name, &err);
        printf("%s %016" PRIx64 " recalled %zu, full %zu, gone %zu\n",
               forms[i].name, digest, n_recalled, n_full, n_gone);
    }
    sov_model_close(model);
    return 0;
}
