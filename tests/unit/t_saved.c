/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_saved.c - unit tests of lib/run: sessions that go on from a file
 *
 * That they answer as if they had read everything is tried for every form of
 * keys and values, with layers that see a window and without.
 */
#include "tiny.h"

#include "base/le.h"
#include "run/saved.h"
#include "sov/saved.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CTX 700

static int32_t ids[CTX];
static struct sov_err err;
static char path[64];
static const enum sov_kv_form forms[] = { SOV_KV_Q8, SOV_KV_F16, SOV_KV_BF16,
                                          SOV_KV_F32 };

static void
set_context(sov_meta *m)
{
    ck_assert_int_eq(sov_meta_set_u32(m, "llama.context_length", CTX, NULL), 0);
}

static void
set_windows(sov_meta *m)
{
    set_context(m);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window", 80, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window_pattern", 2, NULL),
        0);
}

static sov_model *
open_model(bool windows)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0,
                      .change = windows ? set_windows : set_context };

    snprintf(path, sizeof(path), "saved-%ld.kv", (long)getpid());
    unlink(path);
    for (int i = 0; i < CTX; i++)
        ids[i] = (i * 37 + i / 9) % TINY_VOCAB;
    return tiny_open(&t);
}

static sov_session *
open_session(const sov_model *model, enum sov_kv_form kv)
{
    struct sov_session_opts opts = { .n_ctx = CTX, .n_batch = 64, .kv = kv };
    sov_session *s;

    ck_assert_msg(sov_session_open(&s, model, &opts, &err) == 0, "%s", err.msg);
    return s;
}

/* The file, fitted to a session of its own. */
struct pair {
    sov_saved *saved;
    sov_session *s;
};

static struct pair
begin(const sov_model *model, enum sov_kv_form kv, bool append)
{
    struct pair p = { .s = open_session(model, kv) };

    ck_assert_msg(sov_saved_open(&p.saved, path, append, &err) == 0, "%s",
                  err.msg);
    ck_assert_msg(sov_saved_load(p.saved, &err) == 0, "%s", err.msg);
    ck_assert_msg(sov_saved_fit(p.saved, p.s, &err) == 0, "%s", err.msg);
    return p;
}

static void
end(struct pair *p)
{
    sov_session_close(p->s);
    sov_saved_close(p->saved);
}

static void
feed(sov_session *s, const int32_t *text, size_t n)
{
    ck_assert_msg(sov_session_eval(s, text, n, SOV_LOGITS_LAST, &err) == 0,
                  "%s", err.msg);
}

/* Read up to n of a text, which is known up to some point; gives that. */
static size_t
go_on(struct pair *p, const int32_t *text, size_t n)
{
    size_t known = sov_saved_recall(p->saved, text, n);

    ck_assert_uint_eq(sov_session_pos(p->s), known);
    feed(p->s, text + known, n - known);
    ck_assert_int_eq(sov_saved_update(p->saved, &err), 0);
    return known;
}

static void
finish(struct pair *p, const int32_t *text, size_t n)
{
    const struct sov_saved_state state = { .ids = text, .n = n };

    ck_assert_msg(sov_saved_finish(p->saved, &state, &err) == 0, "%s", err.msg);
}

/* As a session says that has read all of it. */
static void
same(const struct pair *p, const sov_model *model, enum sov_kv_form kv,
     const int32_t *text, size_t n)
{
    sov_session *s = open_session(model, kv);

    feed(s, text, n);
    ck_assert_mem_eq(sov_session_logits(p->s, 0), sov_session_logits(s, 0),
                     TINY_VOCAB * sizeof(float));
    sov_session_close(s);
}

/* Some text in the file: a prompt, then token by token. */
static void
make_file(const sov_model *model, enum sov_kv_form kv, size_t n_prompt,
          size_t n)
{
    struct pair p = begin(model, kv, true);

    go_on(&p, ids, n_prompt);
    for (size_t i = n_prompt; i < n; i++) {
        feed(p.s, ids + i, 1);
        ck_assert_int_eq(sov_saved_update(p.saved, &err), 0);
    }
    finish(&p, ids, n + 1); /* one was said, and not read */
    end(&p);
}

static uint64_t
file_size(void)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

START_TEST(goes_on_with_the_same_bits)
{
    bool windows = _i >= 4;
    enum sov_kv_form kv = forms[_i % 4];
    sov_model *model = open_model(windows);
    const int32_t *known;
    int32_t other[CTX];
    struct pair p;
    uint64_t size;

    make_file(model, kv, 300, 350);
    /* longer, by several turns */
    for (size_t n = 350; n < 600; n += 83) {
        p = begin(model, kv, true);
        ck_assert_uint_eq(sov_saved_ids(p.saved, &known), n + 1);
        ck_assert_mem_eq(known, ids, (n + 1) * sizeof(*ids));
        ck_assert_uint_eq(go_on(&p, ids, n + 83), n);
        same(&p, model, kv, ids, n + 83);
        finish(&p, ids, n + 84);
        end(&p);
    }
    /* the same again is all there but for its last token */
    size = file_size();
    p = begin(model, kv, true);
    ck_assert_uint_eq(go_on(&p, ids, 682), 681);
    same(&p, model, kv, ids, 682);
    finish(&p, ids, 683);
    end(&p);
    ck_assert_uint_gt(file_size(), 0);
    ck_assert_uint_le(file_size(), size + (1 << 20));
    /* another way from somewhere on: windows may be gone there */
    memcpy(other, ids, sizeof(other));
    other[345]++;
    p = begin(model, kv, true);
    ck_assert_uint_eq(go_on(&p, other, 500), 345);
    same(&p, model, kv, other, 500);
    finish(&p, other, 500);
    end(&p);
    p = begin(model, kv, true);
    other[100]++;
    ck_assert_uint_eq(go_on(&p, other, 400), windows ? 0 : 100);
    same(&p, model, kv, other, 400);
    finish(&p, other, 400);
    end(&p);
    /* and that is what is there now */
    p = begin(model, kv, false);
    ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 400);
    ck_assert_mem_eq(known, other, 400 * sizeof(*other));
    ck_assert_uint_eq(go_on(&p, other, 600), 400);
    same(&p, model, kv, other, 600);
    end(&p);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* Blocks are used where they lie; only what is written to is copied. */
START_TEST(nothing_is_copied)
{
    sov_model *model = open_model(_i > 0);
    struct pair p;
    uint32_t all;

    make_file(model, SOV_KV_Q8, 300, 350);
    p = begin(model, SOV_KV_Q8, false);
    all = sov_batch_blocks(p.s->batch);
    ck_assert_uint_eq(sov_saved_recall(p.saved, ids, 400), 350);
    ck_assert_uint_eq(sov_batch_room(p.s->batch), all);
    ck_assert_uint_eq(sov_session_wants(p.s, 1), 1);
    feed(p.s, ids + 350, 1);
    ck_assert_uint_eq(sov_batch_room(p.s->batch), all - 1);
    ck_assert_uint_ge(sov_saved_bytes(p.saved),
                      6 * p.s->batch->store.heads * p.s->batch->store.bytes);
    /* back into what is lent, and on */
    sov_session_truncate(p.s, 330);
    ck_assert_uint_eq(sov_session_pos(p.s), 330);
    feed(p.s, ids + 330, 20);
    same(&p, model, SOV_KV_Q8, ids, 350);
    end(&p);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* ---- what is not whole */

static unsigned char *
read_file(size_t *len)
{
    char *text;

    ck_assert_int_eq(sov_read_whole(path, (size_t)64 << 20, &text, len, &err),
                     0);
    return (unsigned char *)text;
}

static void
write_file(const void *p, size_t len)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_torn_end_is_cut_off)
{
    sov_model *model = open_model(false);
    size_t whole, before = 0;
    unsigned char *file;
    struct pair p;

    make_file(model, SOV_KV_Q8, 70, 130);
    file = read_file(&whole);
    for (size_t i = 0; i <= whole / 4096 * 2; i++) {
        size_t len = i / 2 * 4096 + i % 2 * 9; /* pages, and a bit more */
        const int32_t *known;
        size_t n;

        len = len < whole ? len : whole;
        write_file(file, len);
        p = begin(model, SOV_KV_Q8, true);
        n = sov_saved_ids(p.saved, &known);
        ck_assert_uint_ge(n, before);
        before = n;
        ck_assert_mem_eq(known, ids, n * sizeof(*ids));
        ck_assert_uint_eq(sov_saved_lost(p.saved) > 0, file_size() < len);
        go_on(&p, ids, 140);
        same(&p, model, SOV_KV_Q8, ids, 140);
        finish(&p, ids, 140);
        end(&p);
        p = begin(model, SOV_KV_Q8, false);
        ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 140);
        ck_assert_uint_eq(sov_saved_lost(p.saved), 0);
        end(&p);
    }
    ck_assert_uint_eq(before, 131);
    free(file);
    unlink(path);
    sov_model_close(model);
}
END_TEST

START_TEST(damage_ends_what_counts)
{
    sov_model *model = open_model(false);
    size_t len;
    unsigned char *file;
    const int32_t *known;
    sov_saved *saved;
    struct pair p;

    make_file(model, SOV_KV_Q8, 70, 130);
    file = read_file(&len);
    file[len - 5000] ^= 1; /* in the last record */
    write_file(file, len);
    p = begin(model, SOV_KV_Q8, false);
    ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 128);
    ck_assert_uint_gt(sov_saved_lost(p.saved), 0);
    end(&p);
    file[100] ^= 1; /* in the header */
    write_file(file, len);
    ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_load(saved, &err), SOV_EFORMAT);
    sov_saved_close(saved);
    ck_assert_uint_eq(file_size(), len); /* nothing was cut */
    file[8] = 2;
    write_file(file, len);
    ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_load(saved, &err), SOV_EUNSUP);
    sov_saved_close(saved);
    write_file("GGUF", 4);
    ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_load(saved, &err), SOV_EFORMAT);
    sov_saved_close(saved);
    ck_assert_uint_eq(file_size(), 4);
    free(file);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* ---- whose it is */

static void
refused(const sov_model *model, const struct sov_session_opts *opts,
        const char *what)
{
    uint64_t size = file_size();
    sov_session *s;
    sov_saved *saved;

    ck_assert_int_eq(sov_session_open(&s, model, opts, &err), 0);
    ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_load(saved, &err), 0);
    ck_assert_int_eq(sov_saved_fit(saved, s, &err), SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, what) != NULL, "%s", err.msg);
    sov_session_close(s);
    sov_saved_close(saved);
    ck_assert_uint_eq(file_size(), size);
}

START_TEST(another_model_is_refused)
{
    struct sov_session_opts opts = { .n_ctx = CTX,
                                     .n_batch = 64,
                                     .kv = SOV_KV_Q8 };
    struct tiny t = { .type = SOV_TYPE_Q8_0,
                      .change = set_context,
                      .norm_weight = 1.5f };
    sov_model *model = open_model(false);
    sov_model *other = tiny_open(&t);
    sov_model *windows = open_model(true);

    make_file(model, SOV_KV_Q8, 70, 130);
    refused(other, &opts, "another model");
    refused(windows, &opts, "another model");
    opts.kv = SOV_KV_F16;
    refused(model, &opts, "are q8, and now they are to be f16");
    opts.kv = SOV_KV_Q8;
    opts.precise = true;
    refused(model, &opts, "not computed in f32");
    unlink(path);
    make_file(windows, SOV_KV_Q8, 70, 130);
    opts.precise = false;
    opts.n_batch = CTX; /* keeps everything */
    refused(windows, &opts, "--ctx");
    sov_model_close(model);
    sov_model_close(other);
    sov_model_close(windows);
    unlink(path);
}
END_TEST

START_TEST(one_process_at_a_time)
{
    sov_model *model = open_model(false);
    sov_saved *a, *b, *c;

    ck_assert_int_eq(sov_saved_open(&a, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_open(&b, path, true, &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_LOCK);
    ck_assert_ptr_null(b);
    ck_assert_int_eq(sov_saved_open(&c, path, false, &err), 0);
    sov_saved_close(c);
    sov_saved_close(a);
    ck_assert_int_eq(sov_saved_open(&b, path, true, &err), 0);
    sov_saved_close(b);
    ck_assert_int_eq(sov_saved_open(&b, ".", true, &err), SOV_EIO);
    ck_assert_int_eq(sov_saved_open(&b, "/dev/null", true, &err), SOV_EARG);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* ---- a full disk, and a pipe */

START_TEST(a_full_disk_leaves_what_is_whole)
{
    struct sov_saved_state state = { .ids = ids, .n = 260 };
    sov_model *model = open_model(false);
    struct rlimit limit = { 0, RLIM_INFINITY };
    const int32_t *known;
    struct pair p;
    uint64_t size;

    make_file(model, SOV_KV_Q8, 70, 130);
    size = file_size();
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = size + 20000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    p = begin(model, SOV_KV_Q8, true);
    ck_assert_uint_eq(sov_saved_recall(p.saved, ids, 260), 130);
    feed(p.s, ids + 130, 130);
    ck_assert_int_eq(sov_saved_update(p.saved, &err), SOV_EIO);
    same(&p, model, SOV_KV_Q8, ids, 260);
    ck_assert_int_eq(sov_saved_finish(p.saved, &state, &err), 0);
    end(&p);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_uint_eq(file_size(), size);
    p = begin(model, SOV_KV_Q8, true);
    ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 131);
    end(&p);
    unlink(path);
    sov_model_close(model);
}
END_TEST

START_TEST(all_of_it_through_a_sink)
{
    static const char messages[] = "[{\"role\":\"user\",\"content\":\"?\"}]";
    struct sov_saved_state state = { ids, 351, messages, strlen(messages) };
    struct sov_sink_opts so = { .force = true, .no_sync = true };
    sov_model *model = open_model(_i > 0);
    const int32_t *known;
    sov_sink *sink;
    struct pair p;

    make_file(model, SOV_KV_Q8, 300, 340);
    p = begin(model, SOV_KV_Q8, false);
    ck_assert_uint_eq(go_on(&p, ids, 350), 340);
    unlink(path);
    ck_assert_int_eq(sov_sink_open(&sink, path, &so, &err), 0);
    ck_assert_int_eq(sov_saved_write(p.s, &state, sink, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    end(&p);
    p = begin(model, SOV_KV_Q8, true);
    ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 351);
    ck_assert_uint_eq(sov_saved_messages(p.saved).len, strlen(messages));
    ck_assert_mem_eq(sov_saved_messages(p.saved).p, messages, strlen(messages));
    ck_assert_uint_eq(go_on(&p, ids, 400), 350);
    same(&p, model, SOV_KV_Q8, ids, 400);
    state.n = 400;
    state.messages = "[]";
    state.len = 2;
    ck_assert_int_eq(sov_saved_finish(p.saved, &state, &err), 0);
    end(&p);
    p = begin(model, SOV_KV_Q8, true);
    ck_assert_uint_eq(sov_saved_messages(p.saved).len, 2);
    ck_assert_uint_eq(sov_saved_ids(p.saved, &known), 400);
    end(&p);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* ---- hostile */

/* Make the sums of all records right again. */
static void
sign(unsigned char *file, size_t len)
{
    size_t at = 4096;

    sov_xxh3(file, at - 16, file + at - 16);
    while (at < len) {
        size_t n = (size_t)sov_le64(file + at + 8);

        memcpy(file + at + 48, file + at - 16, 16);
        sov_xxh3(file + at, n - 16, file + at + n - 16);
        at += n;
    }
}

START_TEST(any_values_are_computed_with)
{
    static const unsigned char fills[][4] = {
        { 0, 0, 0xc0, 0x7f },       { 0, 0, 0x80, 0x7f }, { 0, 0, 0x80, 0xff },
        { 0xff, 0xff, 0xff, 0xff }, { 0, 0x7c, 0, 0xfc }, { 1, 0, 0, 0 },
        { 0, 0x80, 0xff, 0x7f },
    };
    enum sov_kv_form kv = forms[_i % 4];
    sov_model *model = open_model(_i >= 4);
    unsigned char *file;
    struct pair p;
    size_t len;

    make_file(model, kv, 300, 350);
    file = read_file(&len);
    for (size_t f = 0; f < sizeof(fills) / sizeof(fills[0]); f++) {
        size_t at = 4096;

        while (at < len) {
            size_t n = (size_t)sov_le64(file + at + 8);

            for (size_t i = 4096; i + 20 <= n; i += 4)
                memcpy(file + at + i, fills[f], 4);
            at += n;
        }
        sign(file, len);
        write_file(file, len);
        p = begin(model, kv, false);
        ck_assert_uint_eq(go_on(&p, ids, 420), 350);
        ck_assert_ptr_nonnull(sov_session_logits(p.s, 0));
        end(&p);
    }
    free(file);
    unlink(path);
    sov_model_close(model);
}
END_TEST

/* One field of the first record, and what is said of it. */
START_TEST(fields_out_of_bounds_are_refused)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *says;
    } fields[] = {
        { 16, 3, "record at byte 4096 is of kind 3" },
        { 16, 2, "bytes are not what its fields make" },
        { 20, 32, "pos is 32, no multiple of 64" },
        { 20, 64, "pos is 64, the limit is 0" },
        { 24, 65, "n_read is 65, the limit is 64" },
        { 24, 0, "n_gone is 1, the limit is 0" },
        { 28, 0x7fffffff, "n_ids is 2147483647, the limit is 16777216" },
        { 28, 5000, "bytes are not what its fields make" },
        { 32, 2, "n_gone is 2, the limit is 1" },
        { 64, TINY_VOCAB, "a token is 96, the limit is 95" },
        { 64, 0xffffffff, "a token is 4294967295, the limit is 95" },
    };
    sov_model *model = open_model(false);
    unsigned char *file, *copy;
    sov_saved *saved;
    size_t len;

    make_file(model, SOV_KV_Q8, 70, 130);
    file = read_file(&len);
    copy = sov_mem_array(len, 1);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        memcpy(copy, file, len);
        sov_put32(copy + 4096 + fields[i].at, fields[i].value);
        sign(copy, len);
        write_file(copy, len);
        ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
        ck_assert_int_eq(sov_saved_load(saved, &err), SOV_EFORMAT);
        ck_assert_msg(strstr(err.msg, fields[i].says) != NULL, "%zu: %s", i,
                      err.msg);
        sov_saved_close(saved);
    }
    /* a record from somewhere else */
    memcpy(copy, file, len);
    copy[4096 + 48] ^= 1;
    sov_xxh3(copy + 4096, (size_t)sov_le64(copy + 4104) - 16,
             copy + 4096 + sov_le64(copy + 4104) - 16);
    write_file(copy, len);
    ck_assert_int_eq(sov_saved_open(&saved, path, true, &err), 0);
    ck_assert_int_eq(sov_saved_load(saved, &err), SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, "does not belong") != NULL, "%s", err.msg);
    sov_saved_close(saved);
    free(file);
    free(copy);
    unlink(path);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("saved");

    tcase_add_loop_test(tc, goes_on_with_the_same_bits, 0, 8);
    tcase_add_loop_test(tc, nothing_is_copied, 0, 2);
    tcase_add_test(tc, a_torn_end_is_cut_off);
    tcase_add_test(tc, damage_ends_what_counts);
    tcase_add_test(tc, another_model_is_refused);
    tcase_add_test(tc, one_process_at_a_time);
    tcase_add_test(tc, a_full_disk_leaves_what_is_whole);
    tcase_add_loop_test(tc, all_of_it_through_a_sink, 0, 2);
    tcase_add_loop_test(tc, any_values_are_computed_with, 0, 8);
    tcase_add_test(tc, fields_out_of_bounds_are_refused);
    return unit_main("saved", tc);
}
