/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_data.c - unit tests of lib/distill: documents, tokens, sequences, order
 */
#include "tinytok.h"

#include "distill/corpus.h"
#include "distill/course.h"
#include "distill/limits.h"
#include "distill/shuffle.h"
#include "distill/texts.h"
#include "sov/archive.h"
#include "sov/io.h"

#include <stdio.h>
#include <sys/stat.h>

#define TINY_EOS 2

static struct sov_err err;

/* ---- the order of chance */

START_TEST(a_shuffle_is_a_permutation)
{
    static const uint64_t sizes[] = { 1,   2,    3,    4,    5,    7,   8,
                                      16,  17,   31,   97,   100,  256, 257,
                                      999, 1009, 4096, 4099, 65537 };

    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        struct sov_shuffle s = { .n = sizes[k], .seed = 7, .epoch = k };
        bool *seen = sov_mem_array(s.n, sizeof(*seen));

        for (uint64_t i = 0; i < s.n; i++) {
            uint64_t x = sov_shuffle_at(&s, i);

            ck_assert_uint_lt(x, s.n);
            ck_assert(!seen[x]);
            seen[x] = true;
        }
        free(seen);
    }
}
END_TEST

START_TEST(a_huge_shuffle_stays_within)
{
    struct sov_shuffle s = { .n = UINT64_C(1) << 62, .seed = 1 };

    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_lt(sov_shuffle_at(&s, i), s.n);
    s.n = (UINT64_C(1) << 61) + 1;
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_lt(sov_shuffle_at(&s, s.n - 1 - i), s.n);
}
END_TEST

/* Places where two orders have the same. */
static unsigned
same_places(const struct sov_shuffle *a, const struct sov_shuffle *b)
{
    unsigned same = 0;

    for (uint64_t i = 0; i < a->n; i++)
        same += sov_shuffle_at(a, i) == sov_shuffle_at(b, i);
    return same;
}

START_TEST(epochs_and_seeds_differ)
{
    struct sov_shuffle a = { .n = 1009, .seed = 3, .epoch = 0 };
    struct sov_shuffle b = a, c = a;

    b.epoch = 1;
    c.seed = 4;
    ck_assert_uint_lt(same_places(&a, &b), 10); /* 1 is expected */
    ck_assert_uint_lt(same_places(&a, &c), 10);
    ck_assert_uint_eq(same_places(&a, &a), 1009);
}
END_TEST

/* Neighbours do not stay together, and nothing stays where it was. */
START_TEST(a_shuffle_mixes)
{
    struct sov_shuffle s = { .n = 10000, .seed = 5 };
    uint64_t close = 0;
    double sum = 0;

    for (uint64_t i = 0; i + 1 < s.n; i++) {
        double a = (double)sov_shuffle_at(&s, i);
        double b = (double)sov_shuffle_at(&s, i + 1);

        close += a - b < 10 && b - a < 10;
        sum += a * (double)i;
    }
    ck_assert_uint_lt(close, 40); /* 19 are expected */
    sum = sum / 1e4 / 1e4 / 1e4;  /* 0.25 without a connection, 0.33 with */
    ck_assert(sum > 0.245 && sum < 0.255);
}
END_TEST

/* ---- documents */

static char dir[64];

static void
enter(void)
{
    snprintf(dir, sizeof(dir), "data-%ld", (long)getpid());
    ck_assert_int_eq(mkdir(dir, 0700), 0);
}

static void
leave(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *
in_dir(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
    return path[turn];
}

static const char *
put(const char *name, const void *p, size_t n)
{
    const char *path = in_dir(name);
    FILE *f = fopen(path, "w");

    ck_assert(f != NULL);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static const char *
put_text(const char *name, const char *text)
{
    return put(name, text, strlen(text));
}

/* The documents of one path, each in brackets, with what was repaired. */
static const char *
read_all(const char *path, enum sov_corpus_form form)
{
    static char all[4096];
    struct sov_doc doc;
    sov_corpus *c;
    size_t n = 0;
    int rc;

    all[0] = '\0';
    if (sov_corpus_open(&c, &path, 1, form, &err) < 0)
        return err.msg;
    while ((rc = sov_corpus_next(c, &doc, &err)) > 0) {
        n += (size_t)snprintf(all + n, sizeof(all) - n, "[%.*s",
                              (int)doc.text.len, (const char *)doc.text.p);
        if (doc.line > 0)
            n += (size_t)snprintf(all + n, sizeof(all) - n, "|%d",
                                  (int)doc.line);
        if (doc.nuls + doc.broken > 0)
            n += (size_t)snprintf(all + n, sizeof(all) - n, "|n%d b%d",
                                  (int)doc.nuls, (int)doc.broken);
        n += (size_t)snprintf(all + n, sizeof(all) - n, "]");
        ck_assert(doc.begins && doc.ends);
    }
    sov_corpus_close(c);
    return rc < 0 ? err.msg : all;
}

START_TEST(files_are_documents)
{
    enter();
    ck_assert_str_eq(
        read_all(put_text("a.txt", "One\n\ntwo\n"), SOV_CORPUS_AUTO),
        "[One\n\ntwo\n]");
    ck_assert_str_eq(read_all(put_text("a.txt", "x"), SOV_CORPUS_AUTO), "[x]");
    ck_assert_str_eq(read_all(put_text("a.txt", ""), SOV_CORPUS_AUTO), "");
    ck_assert_str_eq(read_all(put_text("a.txt", "\xef\xbb\xbf"
                                                "a\r\nb\rc\r\n"),
                              SOV_CORPUS_AUTO),
                     "[a\nb\rc\n]");
    ck_assert_str_eq(
        read_all(put("a.txt", "a\0b\xff\xc3\xa4\xc3", 7), SOV_CORPUS_AUTO),
        "[a\xef\xbf\xbd"
        "b\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd|n1 b2]");
    ck_assert_str_eq(
        read_all(put_text("a.txt", "{\"text\": \"no\"}\n"), SOV_CORPUS_AUTO),
        "[{\"text\": \"no\"}\n]");
    leave();
}
END_TEST

START_TEST(lines_are_documents)
{
    static const char lines[] = "{\"text\": \"a\\nb\", \"id\": 3}\r\n\n"
                                "  {\"text\": \"\\u00e4\"}\n"
                                "{\"text\": \"\"}\n{\"text\": \"c\"}";

    enter();
    ck_assert_str_eq(read_all(put_text("a.jsonl", lines), SOV_CORPUS_AUTO),
                     "[a\nb|1][\xc3\xa4|3][c|5]");
    ck_assert_str_eq(read_all(put_text("a.NDJSON", lines), SOV_CORPUS_AUTO),
                     "[a\nb|1][\xc3\xa4|3][c|5]");
    ck_assert_str_eq(read_all(put_text("a.txt", lines), SOV_CORPUS_JSONL),
                     "[a\nb|1][\xc3\xa4|3][c|5]");
    ck_assert_str_eq(
        read_all(put_text("a.txt", "a\n\n b\r\nc"), SOV_CORPUS_LINES),
        "[a|1][ b|3][c|4]");
    ck_assert_str_eq(
        read_all(put_text("a.txt", "\n \na\nb\n\n\t\n\nc\n"), SOV_CORPUS_BLANK),
        "[a\nb\n|3][c\n|8]");
    ck_assert_str_eq(read_all(put_text("a.txt", "a\n\n"), SOV_CORPUS_BLANK),
                     "[a\n|1]");
    leave();
}
END_TEST

START_TEST(wrong_lines_are_refused)
{
    enter();
    ck_assert(strstr(read_all(put_text("a.jsonl", "{\"text\": \"a\"}\nhello\n"),
                              SOV_CORPUS_AUTO),
                     "a.jsonl: line 2: ") != NULL);
    ck_assert(strstr(read_all(put_text("a.jsonl", "{\"txt\": \"a\"}\n"),
                              SOV_CORPUS_AUTO),
                     "a.jsonl: line 1: has no \"text\"") != NULL);
    ck_assert(strstr(read_all(put_text("a.jsonl", "{\"text\": [1]}\n"),
                              SOV_CORPUS_AUTO),
                     "line 1: \"text\" is not a string") != NULL);
    ck_assert(strstr(read_all(put_text("a.jsonl", "[1]\n"), SOV_CORPUS_AUTO),
                     "line 1: no JSON object") != NULL);
    ck_assert(strstr(read_all(in_dir("none"), SOV_CORPUS_AUTO),
                     "none: cannot open") != NULL);
    leave();
}
END_TEST

START_TEST(folders_are_read_in_order)
{
    enter();
    put_text("b.txt", "b");
    put_text(".hidden", "no");
    put_text("B.txt", "B");
    ck_assert_int_eq(mkdir(in_dir("a"), 0700), 0);
    put_text("a/z.txt", "a/z");
    put_text("a/y.jsonl", "{\"text\": \"a/y\"}\n");
    ck_assert_int_eq(symlink("..", in_dir("a/loop")), 0);
    ck_assert_int_eq(symlink("z.txt", in_dir("a/zz.txt")), 0);
    ck_assert_int_eq(mkfifo(in_dir("fifo"), 0600), 0);
    ck_assert_str_eq(read_all(dir, SOV_CORPUS_AUTO), "[B][a/y|1][a/z][a/z][b]");
    ck_assert_int_eq(symlink("none", in_dir("c")), 0);
    ck_assert(strstr(read_all(dir, SOV_CORPUS_AUTO), "/c: cannot open") !=
              NULL);
    leave();
}
END_TEST

START_TEST(folders_may_not_be_too_deep)
{
    char path[1024];

    enter();
    strcpy(path, dir);
    for (int i = 0; i < SOV_TEXTS_DEPTH; i++) {
        strcat(path, "/d");
        ck_assert_int_eq(mkdir(path, 0700), 0);
        if (i == SOV_TEXTS_DEPTH - 2)
            ck_assert_str_eq(read_all(dir, SOV_CORPUS_AUTO), "");
    }
    ck_assert(strstr(read_all(dir, SOV_CORPUS_AUTO), "within each other") !=
              NULL);
    leave();
}
END_TEST

/* A pipe with a text in it. */
static const char *
through_pipe(const char *text, enum sov_corpus_form form)
{
    const char *all;
    char path[64];
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_int_eq(write(fd[1], text, strlen(text)), (int)strlen(text));
    close(fd[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
    all = read_all(path, form);
    close(fd[0]);
    return all;
}

START_TEST(a_pipe_is_a_document_or_lines)
{
    ck_assert_str_eq(through_pipe("a\n\nb\n", SOV_CORPUS_AUTO), "[a\n\nb\n]");
    ck_assert_str_eq(through_pipe("", SOV_CORPUS_AUTO), "");
    ck_assert_str_eq(through_pipe("\n{\"text\": \"a\"}\n{\"text\": \"b\"}\n",
                                  SOV_CORPUS_AUTO),
                     "[a|2][b|3]");
    ck_assert_str_eq(through_pipe("{\"text\": \"a\"}", SOV_CORPUS_AUTO),
                     "[a|1]");
    ck_assert_str_eq(through_pipe("{\"txt\": \"a\"}\n", SOV_CORPUS_AUTO),
                     "[{\"txt\": \"a\"}\n]");
    ck_assert_str_eq(through_pipe("{\n \"text\": \"a\"}\n", SOV_CORPUS_AUTO),
                     "[{\n \"text\": \"a\"}\n]");
    ck_assert_str_eq(through_pipe("{\"text\": \"a\"}\n", SOV_CORPUS_TEXT),
                     "[{\"text\": \"a\"}\n]");
}
END_TEST

/* An archive with these members. */
static const char *
pack(const char *name, enum sov_pack how)
{
    static const char *const members[][2] = {
        { "b.txt", "b" },
        { "a/x.jsonl", "{\"text\": \"x1\"}\n{\"text\": \"x2\"}\n" },
        { "a/.hidden", "no" },
        { "a/empty.txt", "" },
        { "c.txt", "c\n" },
    };
    const char *path = in_dir(name);
    sov_packer *p;
    sov_sink *sink;

    ck_assert_int_eq(sov_sink_open(&sink, path, NULL, &err), 0);
    ck_assert_int_eq(sov_packer_new(&p, sink, how, 0, &err), 0);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        size_t n = strlen(members[i][1]);

        ck_assert_int_eq(sov_packer_member(p, members[i][0], n, 0, &err), 0);
        ck_assert_int_eq(sov_packer_data(p, members[i][1], n, &err), 0);
    }
    ck_assert_int_eq(sov_packer_end(&p, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    return path;
}

/* A tar file of one member without bytes, of this kind. */
static const char *
tar_of(const char *name, char kind)
{
    char block[512 * 3] = { 0 };
    unsigned sum = 0;

    strcpy(block, kind == '5' ? "folder/" : "thing");
    strcpy(block + 100, "0000644");
    strcpy(block + 108, "0000000");
    strcpy(block + 116, "0000000");
    strcpy(block + 124, "00000000000");
    strcpy(block + 136, "00000000000");
    memset(block + 148, ' ', 8);
    block[156] = kind;
    if (kind == '2')
        strcpy(block + 157, "/etc/passwd");
    memcpy(block + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    return put(name, block, sizeof(block));
}

START_TEST(archives_are_read)
{
    enter();
    ck_assert_str_eq(read_all(pack("a.tar", SOV_PACK_PLAIN), SOV_CORPUS_AUTO),
                     "[b][x1|1][x2|2][c\n]");
    ck_assert_str_eq(read_all(pack("b.tzst", SOV_PACK_ZSTD), SOV_CORPUS_AUTO),
                     "[b][x1|1][x2|2][c\n]");
    ck_assert_str_eq(read_all(dir, SOV_CORPUS_AUTO),
                     "[b][x1|1][x2|2][c\n][b][x1|1][x2|2][c\n]");
    ck_assert_str_eq(read_all(tar_of("folder.tar", '5'), SOV_CORPUS_AUTO), "");
    ck_assert(strstr(read_all(tar_of("link.tar", '2'), SOV_CORPUS_AUTO),
                     "symbolic link") != NULL);
    leave();
}
END_TEST

START_TEST(a_huge_document_comes_in_parts)
{
    size_t n = SOV_DOC_MAX + 1000, at = 0;
    char *text = malloc(n);
    struct sov_doc doc;
    const char *path;
    sov_corpus *c;
    int parts = 0;

    enter();
    for (int huge = 0; huge < 2; huge++) {
        memset(text, 'x', n);
        for (size_t i = 0; huge == 0 && i < n; i += 61)
            text[i] = '\n';
        memcpy(text + SOV_DOC_MAX - 1, "\xc3\xa4", 2); /* may not be cut */
        path = put("huge.txt", text, n);
        ck_assert_int_eq(sov_corpus_open(&c, &path, 1, SOV_CORPUS_AUTO, &err),
                         0);
        for (at = 0, parts = 0; sov_corpus_next(c, &doc, &err) > 0; parts++) {
            ck_assert_int_eq(doc.begins, parts == 0);
            ck_assert_int_eq(doc.ends, at + doc.text.len == n);
            ck_assert_uint_eq(doc.broken, 0);
            ck_assert(memcmp(doc.text.p, text + at, doc.text.len) == 0);
            at += doc.text.len;
            ck_assert(doc.ends || huge == 1 || text[at - 1] == '\n');
        }
        ck_assert_uint_eq(at, n);
        ck_assert_int_eq(parts, 2);
        sov_corpus_close(c);
    }
    free(text);
    leave();
}
END_TEST

/* ---- tokens */

static sov_tok *tok;

static void
load_tok(bool bos, bool eos)
{
    sov_meta *meta;

    tiny_wants_bos = bos;
    ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
    tiny_tokenizer(meta);
    ck_assert_int_eq(sov_meta_set_u32(meta, "tokenizer.ggml.eos_token_id",
                                      eos ? TINY_EOS : UINT32_MAX, &err),
                     0);
    ck_assert_int_eq(
        sov_meta_set_bool(meta, "tokenizer.ggml.add_space_prefix", false, &err),
        0);
    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
}

/* n documents of random letters, from 0 to most of them. */
static sov_tokens *
make_stream(size_t n, size_t most, size_t memory)
{
    sov_tokens *t;
    char text[600];

    ck_assert_int_eq(sov_tokens_new(&t, tok, &err), 0);
    sov_tokens_memory(t, memory);
    for (size_t d = 0; d < n; d++) {
        uint32_t r[4];
        size_t len;

        sov_rng_block(9, 1, d, r);
        len = 1 + r[0] % most;
        for (size_t i = 0; i < len; i++) {
            sov_rng_block(9, 2 + d, i, r);
            text[i] = (char)('a' + r[0] % 26);
        }
        ck_assert_int_eq(
            sov_tokens_add(t, (struct sov_span){ (unsigned char *)text, len },
                           true, true, &err),
            0);
    }
    ck_assert_int_eq(sov_tokens_end(t, &err), 0);
    return t;
}

static int32_t *
all_ids(const sov_tokens *t)
{
    int32_t *ids = sov_mem_array(sov_tokens_count(t) + 1, sizeof(*ids));

    sov_tokens_get(t, 0, sov_tokens_count(t), ids);
    return ids;
}

START_TEST(documents_are_put_together)
{
    static const int32_t want[] = { TINY_BOS, 'a' - 32, 'b' - 32, TINY_EOS,
                                    TINY_BOS, 'c' - 32, 'd' - 32, TINY_EOS };
    static const char *const text[] = { "ab", "c", "d" };
    sov_tokens *t;
    int32_t *ids;

    for (int bos = 0; bos < 2; bos++)
        for (int eos = 0; eos < 2; eos++) {
            size_t k = 0;

            load_tok(bos == 1, eos == 1);
            ck_assert_int_eq(sov_tokens_new(&t, tok, &err), 0);
            for (int i = 0; i < 3; i++) {
                struct sov_span s = { (const unsigned char *)text[i],
                                      strlen(text[i]) };

                ck_assert_int_eq(sov_tokens_add(t, s, i != 2, i != 1, &err), 0);
            }
            ck_assert_int_eq(sov_tokens_end(t, &err), 0);
            ids = all_ids(t);
            for (size_t i = 0; i < 8; i++)
                if ((bos || want[i] != TINY_BOS) &&
                    (eos || want[i] != TINY_EOS))
                    ck_assert_int_eq(ids[k++], want[i]);
            ck_assert_uint_eq(sov_tokens_count(t), k);
            ck_assert_uint_eq(sov_tokens_docs(t), 2);
            ck_assert_uint_eq(sov_tokens_bytes(t), 4);
            ck_assert_uint_eq(sov_tokens_text(t, ids, k), 4);
            ck_assert_uint_eq(sov_tokens_doc(t, 0), 0);
            ck_assert_uint_eq(sov_tokens_doc(t, 1), k / 2);
            ck_assert_uint_eq(sov_tokens_doc(t, 2), k);
            free(ids);
            sov_tokens_free(t);
            sov_tok_free(tok);
        }
}
END_TEST

/* Wherever it lies, and however many threads made it. */
START_TEST(a_stream_is_a_stream)
{
    unsigned char digest[SOV_SHA256_LEN], texts[SOV_SHA256_LEN];
    int32_t *first = NULL;

    load_tok(true, true);
    for (unsigned k = 0; k < 4; k++) {
        sov_tokens *t;
        int32_t *ids;

        sov_set_threads(1 + k % 3);
        t = make_stream(3000, 500, k < 2 ? SIZE_MAX : 1000);
        ids = all_ids(t);
        if (k == 0) {
            first = ids;
            memcpy(digest, sov_tokens_digest(t), sizeof(digest));
            memcpy(texts, sov_tokens_texts_digest(t), sizeof(texts));
        } else {
            ck_assert(memcmp(ids, first, sov_tokens_count(t) * sizeof(*ids)) ==
                      0);
            ck_assert(memcmp(digest, sov_tokens_digest(t), sizeof(digest)) ==
                      0);
            ck_assert(
                memcmp(texts, sov_tokens_texts_digest(t), sizeof(texts)) == 0);
            free(ids);
        }
        sov_tokens_free(t);
    }
    sov_set_threads(0);
    free(first);
    sov_tok_free(tok);
}
END_TEST

/* ---- sequences */

/* The sequences in their order, put together: every token once, and every token
 * but the first (of all, or of its document) what comes next once. */
static void
check_packing(const sov_tokens *t, size_t n_ctx, bool apart)
{
    struct sov_course_opts o = { .n_ctx = n_ctx, .apart = apart, .batch = 1 };
    uint64_t n = sov_tokens_count(t), at = 0, scored = 0, firsts = 1;
    int32_t *all = all_ids(t);
    int32_t *ids = sov_mem_array(n_ctx, sizeof(*ids));
    int32_t *next = sov_mem_array(n_ctx, sizeof(*next));
    sov_course *c;

    ck_assert_int_eq(sov_course_new(&c, t, &o, &err), 0);
    if (apart)
        firsts = sov_tokens_docs(t);
    for (uint64_t i = 0; i < sov_course_all(c); i++) {
        struct sov_sequence s = sov_course_number(c, i);

        ck_assert_uint_eq(s.number, i);
        ck_assert(s.n >= 1 && s.n <= n_ctx);
        ck_assert_uint_ge(s.at, at); /* what is between is a single token */
        ck_assert_uint_le(s.at, apart ? at + sov_tokens_docs(t) : at);
        sov_course_read(c, &s, ids, next);
        ck_assert(memcmp(ids, all + s.at, s.n * sizeof(*ids)) == 0);
        for (size_t k = 0; k < s.n; k++) {
            scored += next[k] >= 0;
            ck_assert(next[k] < 0 ? k + 1 == s.n
                                  : next[k] == all[s.at + k + 1]);
        }
        at = s.at + s.n;
    }
    ck_assert_uint_ge(at + firsts, n);
    ck_assert_uint_eq(scored, n - firsts);
    sov_course_free(c);
    free(all);
    free(ids);
    free(next);
}

START_TEST(sequences_are_the_stream)
{
    static const size_t sizes[] = { 1, 2, 3, 7, 64, 256, 100000 };

    load_tok(true, true);
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        sov_tokens *t = make_stream(20 + k, 300, SIZE_MAX);

        check_packing(t, sizes[k], false);
        check_packing(t, sizes[k], true);
        sov_tokens_free(t);
    }
    sov_tok_free(tok);
    load_tok(false, false); /* documents of one token */
    for (size_t n = 2; n < 9; n++) {
        sov_tokens *t = make_stream(n, n < 5 ? 1 : 2, SIZE_MAX);

        for (size_t ctx = 1; ctx < 6; ctx++) {
            check_packing(t, ctx, false);
            if (n >= 5)
                check_packing(t, ctx, true);
        }
        sov_tokens_free(t);
    }
    sov_tok_free(tok);
}
END_TEST

START_TEST(what_cannot_be_learnt_is_refused)
{
    struct sov_course_opts o = { .n_ctx = 8, .batch = 1 };
    sov_course *c;
    sov_tokens *t;

    load_tok(false, false);
    t = make_stream(1, 1, SIZE_MAX);
    ck_assert_int_eq(sov_course_new(&c, t, &o, &err), SOV_EFORMAT);
    ck_assert_ptr_null(c);
    sov_tokens_free(t);
    t = make_stream(1, 2, SIZE_MAX);
    o.hold = 1;
    ck_assert_int_eq(sov_course_new(&c, t, &o, &err), SOV_EARG);
    sov_tokens_free(t);
    t = make_stream(3, 8, SIZE_MAX);
    o.hold = 100;
    ck_assert_int_eq(sov_course_new(&c, t, &o, &err), SOV_EFORMAT);
    sov_tokens_free(t);
    sov_tok_free(tok);
}
END_TEST

/* In an epoch each comes once, and none that is held out. */
static void
check_epochs(const sov_course *c, size_t batch)
{
    uint64_t n = sov_course_count(c), all = sov_course_all(c);
    uint8_t *seen = sov_mem_array(all, 1);
    bool differ = false;

    for (uint64_t i = 0; i < sov_course_held(c); i++)
        seen[sov_course_held_at(c, i).number] = 100;
    for (uint64_t p = 0; p < 2 * n; p++) {
        struct sov_sequence s = sov_course_at(c, 1 + p / batch, p % batch);

        ck_assert_uint_lt(s.number, all);
        ck_assert_uint_eq(seen[s.number]++, p / n);
        if (p < n)
            differ |=
                s.number !=
                sov_course_at(c, 1 + (p + n) / batch, (p + n) % batch).number;
    }
    for (uint64_t i = 0; i < all; i++)
        ck_assert(seen[i] == 2 || seen[i] == 100);
    ck_assert(differ || n < 4);
    free(seen);
}

START_TEST(epochs_are_whole)
{
    static const uint64_t holds[] = { 0, 2, 3, 10, 97 };
    sov_tokens *t;

    load_tok(true, true);
    t = make_stream(100, 60, SIZE_MAX);
    for (size_t k = 0; k < sizeof(holds) / sizeof(holds[0]); k++)
        for (size_t batch = 1; batch < 20; batch += 6) {
            struct sov_course_opts o = { .n_ctx = 11,
                                         .apart = k % 2,
                                         .hold = holds[k],
                                         .seed = 3,
                                         .batch = batch };
            sov_course *c;

            ck_assert_int_eq(sov_course_new(&c, t, &o, &err), 0);
            ck_assert_uint_eq(sov_course_count(c) + sov_course_held(c),
                              sov_course_all(c));
            ck_assert_uint_eq(sov_course_held(c),
                              holds[k] ? sov_course_all(c) / holds[k] : 0);
            check_epochs(c, batch);
            sov_course_free(c);
        }
    sov_tokens_free(t);
    sov_tok_free(tok);
}
END_TEST

/* How sequences are dealt out into steps cannot be seen in their order. */
START_TEST(batches_do_not_change_the_order)
{
    struct sov_course_opts o = { .n_ctx = 9, .seed = 5, .hold = 7, .batch = 1 };
    struct sov_course_opts many = o;
    sov_course *one, *more;
    sov_tokens *t;

    load_tok(true, true);
    t = make_stream(100, 60, SIZE_MAX);
    many.batch = 24;
    ck_assert_int_eq(sov_course_new(&one, t, &o, &err), 0);
    ck_assert_int_eq(sov_course_new(&more, t, &many, &err), 0);
    for (uint64_t p = 0; p < 1000; p++) {
        struct sov_sequence a = sov_course_at(one, p + 1, 0);
        struct sov_sequence b = sov_course_at(more, 1 + p / 24, p % 24);

        ck_assert_uint_eq(a.number, b.number);
        ck_assert_uint_eq(a.at, b.at);
        ck_assert_uint_eq(a.n, b.n);
    }
    sov_course_free(one);
    sov_course_free(more);
    sov_tokens_free(t);
    sov_tok_free(tok);
}
END_TEST

/* ---- all of it */

START_TEST(texts_become_tokens)
{
    struct sov_texts o = { .n = 1, .form = SOV_CORPUS_LINES };
    struct sov_texts_told told;
    const char *path;
    sov_tokens *t;

    enter();
    load_tok(true, true);
    path = put_text("a", "abc\nabc\nxy\n");
    o.paths = &path;
    o.tok = tok;
    ck_assert_msg(sov_texts_read(&t, &o, &told, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(sov_tokens_docs(t), 3);
    ck_assert_uint_eq(sov_tokens_count(t), 8 + 6);
    sov_tokens_free(t);
    sov_texts_told_free(&told);
    o.sieve.exact = true;
    ck_assert_int_eq(sov_texts_read(&t, &o, &told, &err), 0);
    ck_assert_uint_eq(sov_tokens_docs(t), 2);
    ck_assert_uint_eq(told.sieve.docs, 3);
    ck_assert_uint_eq(told.corpus.docs, 3);
    ck_assert(strstr(told.report, "equal") != NULL);
    ck_assert(strstr(told.report_json, "\"reason\":\"equal\"") != NULL);
    sov_tokens_free(t);
    sov_texts_told_free(&told);
    o.sieve.filter = true;
    ck_assert_int_eq(sov_texts_read(&t, &o, &told, &err), SOV_EFORMAT);
    ck_assert_ptr_null(t);
    ck_assert(strstr(err.msg, "none of 3 documents") != NULL);
    sov_texts_told_free(&told);
    path = put_text("a.jsonl", "{\"text\":\"ab\",\"stop\":\"length\"}\n"
                               "{\"text\":\"c\",\"stop\":\"end\"}\n"
                               "{\"text\":\"d\",\"stop\":\"context\"}\n");
    o = (struct sov_texts){ .paths = &path, .n = 1, .tok = tok };
    ck_assert_int_eq(sov_texts_read(&t, &o, NULL, &err), 0);
    ck_assert_uint_eq(sov_tokens_docs(t), 3);
    ck_assert_uint_eq(sov_tokens_count(t), 3 + 3 + 2); /* one end */
    sov_tokens_free(t);
    o.form = SOV_CORPUS_LINES;
    path = put_text("a", "\n");
    ck_assert_int_eq(sov_texts_read(&t, &o, NULL, &err), SOV_EFORMAT);
    ck_assert(strstr(err.msg, "no text in") != NULL);
    sov_tok_free(tok);
    leave();
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("data");

    tcase_add_test(tc, a_shuffle_is_a_permutation);
    tcase_add_test(tc, a_huge_shuffle_stays_within);
    tcase_add_test(tc, epochs_and_seeds_differ);
    tcase_add_test(tc, a_shuffle_mixes);
    tcase_add_test(tc, files_are_documents);
    tcase_add_test(tc, lines_are_documents);
    tcase_add_test(tc, wrong_lines_are_refused);
    tcase_add_test(tc, folders_are_read_in_order);
    tcase_add_test(tc, folders_may_not_be_too_deep);
    tcase_add_test(tc, a_pipe_is_a_document_or_lines);
    tcase_add_test(tc, archives_are_read);
    tcase_add_test(tc, a_huge_document_comes_in_parts);
    tcase_add_test(tc, documents_are_put_together);
    tcase_add_test(tc, a_stream_is_a_stream);
    tcase_add_test(tc, sequences_are_the_stream);
    tcase_add_test(tc, what_cannot_be_learnt_is_refused);
    tcase_add_test(tc, epochs_are_whole);
    tcase_add_test(tc, batches_do_not_change_the_order);
    tcase_add_test(tc, texts_become_tokens);
    return unit_main("data", tc);
}
