/* SPDX-License-Identifier: Apache-2.0 */
/*
 * card.c - what is in a model, for people: the plain "sov-show MODEL"
 *
 * First what most people want to know, in a dozen lines; then types, metadata
 * and tensors as tables.  Nothing here touches the data of a tensor.
 */
#include "show/show.h"

#include "cli/progress.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/quant.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL       13 /* columns of a label and the room around it */
#define TEXT_MAX    2048
#define KEY_WIDTH   44 /* a longer key moves its own value only */
#define VALUE_WIDTH 24
#define BAR         16
#define NOTES_MAX   3

/* ---- the lines on top ---- */

/* A line of the summary, growing piece by piece. */
struct line {
    char text[TEXT_MAX];
    size_t len;
};

static void SOV_PRINTF(2, 3) add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->len += (size_t)n < sizeof(l->text) - l->len
                      ? (size_t)n
                      : sizeof(l->text) - l->len - 1;
}

/* Print it behind its label, if there is something to say. */
static void
print_line(const char *label, struct line *l)
{
    char safe[4 * TEXT_MAX];
    size_t room = sov_tool_columns() - LABEL;
    size_t shown;

    if (l->len == 0)
        return;
    shown = sov_text_excerpt(safe, sizeof(safe), l->text, l->len, room);
    if (shown < l->len && sov_tool_tty(STDOUT_FILENO)) {
        sov_text_excerpt(safe, sizeof(safe), l->text, l->len, room - 3);
        printf("  %-*s%s...\n", LABEL - 2, label, safe);
    } else {
        sov_text_excerpt(safe, sizeof(safe), l->text, l->len, 4 * TEXT_MAX);
        printf("  %-*s%s\n", LABEL - 2, label, safe);
    }
    l->len = 0;
}

/* "8", or "2-8" of one number for each layer; "" if there is none. */
static const char *
arch_number(const sov_meta *meta, const char *key, char *buf, size_t size)
{
    const struct sov_kv *kv = sov_meta_arch_find(meta, key);
    int64_t low, high;

    buf[0] = '\0';
    if (kv == NULL || kv->n == 0 || kv->type == SOV_V_STR ||
        (kv->type == SOV_V_ARR && kv->elem == SOV_V_STR))
        return buf;
    low = high = sov_kv_int(kv, 0);
    for (uint64_t i = 1; i < kv->n; i++) {
        int64_t v = sov_kv_int(kv, i);

        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    if (low == high)
        snprintf(buf, size, "%" PRId64, low);
    else
        snprintf(buf, size, "%" PRId64 "-%" PRId64, low, high);
    return buf;
}

/* One number for all layers; 0 if there is none. */
static uint64_t
arch_u64(const sov_meta *meta, const char *key)
{
    const struct sov_kv *kv = sov_meta_arch_find(meta, key);
    int64_t v;

    if (kv == NULL || kv->type == SOV_V_STR || kv->type == SOV_V_ARR)
        return 0;
    v = sov_kv_int(kv, 0);
    return v > 0 ? (uint64_t)v : 0;
}

static const char *
type_name(int type)
{
    return sov_type_info(type)->name;
}

/* The type that most bytes have, or -1. */
static int
main_type(const struct show_facts *f)
{
    int most = -1;

    for (int i = 0; i < SHOW_TYPES; i++)
        if (f->type[i].bytes > 0 &&
            (most < 0 || f->type[i].bytes > f->type[most].bytes))
            most = i;
    return most;
}

static const char *
format_name(const char *format)
{
    if (strcmp(format, "gguf") == 0)
        return "GGUF";
    if (strcmp(format, "huggingface") == 0)
        return "Hugging Face directory";
    return format;
}

static void
file_line(const struct show_facts *f, struct line *l)
{
    const char *const *files;
    size_t n = sov_model_files(f->model, &files);
    uint64_t bytes = sov_model_bytes(f->model);
    char buf[16];

    add(l, "%s, %s", f->name, format_name(sov_model_format(f->model)));
    if (n > 1)
        add(l, ", %zu files", n);
    if (bytes > 0)
        add(l, ", %s", sov_progress_bytes(buf, bytes));
    else
        add(l, ", %s of tensors", sov_progress_bytes(buf, f->sum.bytes));
    print_line("file", l);
}

static void
model_line(const struct show_facts *f, struct line *l)
{
    int type = main_type(f);
    char arch[200], buf[16];
    uint64_t mix;

    if (show_string(sov_model_meta(f->model), "general.architecture", arch,
                    sizeof(arch), 40) != NULL)
        add(l, "%s, ", arch);
    add(l, "%s parameters", show_count(buf, f->sum.weights));
    if (type >= 0)
        add(l, ", %.2f bits each, %s%s", show_bpw(&f->sum),
            f->type[type].bytes == f->sum.bytes ? "all " : "mostly ",
            type_name(type));
    if (type >= 0 &&
        sov_meta_u64(sov_model_meta(f->model), "general.file_type", &mix,
                     NULL) == 0 &&
        sov_quant_file_type(mix) != NULL &&
        strcmp(sov_quant_file_type(mix), type_name(type)) != 0)
        add(l, " (%s)", sov_quant_file_type(mix));
    print_line("model", l);
}

static void
shape_line(const sov_meta *meta, struct line *l)
{
    static const char *const part[][2] = {
        { "embedding_length", "width" },
        { "attention.head_count", "heads" },
        { "attention.head_count_kv", "kv heads" },
        { "feed_forward_length", "ffn" },
        { "expert_count", "experts" },
        { "expert_used_count", "used" },
    };
    char buf[64];

    if (arch_number(meta, "block_count", buf, sizeof(buf))[0] != '\0')
        add(l, "%s", buf);
    for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
        if (arch_number(meta, part[i][0], buf, sizeof(buf))[0] != '\0' &&
            strcmp(buf, "0") != 0)
            add(l, "%s%s %s", l->len > 0 ? ", " : "", part[i][1], buf);
    print_line("layers", l);
}

/* Bytes that one token takes in a plain key-value cache of half floats; 0 if
 * it is not so simple, or not known. */
static uint64_t
cache_bytes(const sov_meta *meta)
{
    uint64_t layers = arch_u64(meta, "block_count");
    uint64_t heads = arch_u64(meta, "attention.head_count");
    uint64_t kv = arch_u64(meta, "attention.head_count_kv");
    uint64_t width = arch_u64(meta, "embedding_length");
    uint64_t key = arch_u64(meta, "attention.key_length");
    uint64_t value = arch_u64(meta, "attention.value_length");

    if (layers == 0 || heads == 0 || layers > 65536 || heads > 65536 ||
        kv > 65536 || width > 1 << 24 || key > 65536 || value > 65536 ||
        sov_meta_arch_find(meta, "attention.sliding_window") != NULL ||
        sov_meta_arch_find(meta, "attention.kv_lora_rank") != NULL ||
        sov_meta_arch_find(meta, "ssm.state_size") != NULL)
        return 0;
    kv = kv == 0 ? heads : kv;
    key = key == 0 ? width / heads : key;
    value = value == 0 ? width / heads : value;
    return 2 * layers * kv * (key + value);
}

static void
context_line(const sov_meta *meta, struct line *l)
{
    uint64_t n = arch_u64(meta, "context_length");
    uint64_t cache = cache_bytes(meta);
    char one[16], all[16];

    if (n == 0)
        return;
    add(l, "%" PRIu64 " tokens", n);
    if (cache > 0 && n <= UINT64_C(1) << 30)
        add(l, "; a full f16 cache takes %s (%s a token)",
            sov_progress_bytes(all, n * cache), sov_progress_bytes(one, cache));
    print_line("context", l);
}

/* "bos 1 <s>" */
static void
token_part(const sov_meta *meta, const char *key, const char *what,
           struct line *l)
{
    const struct sov_kv *list = sov_meta_find(meta, "tokenizer.ggml.tokens");
    struct sov_span s;
    char buf[200];
    uint64_t id;

    if (sov_meta_u64(meta, key, &id, NULL) != 0)
        return;
    add(l, ", %s %" PRIu64, what, id);
    if (list == NULL || list->type != SOV_V_ARR || id >= list->n ||
        !show_array_str(list, id, &s))
        return;
    sov_text_excerpt(buf, sizeof(buf), (const char *)s.p, s.len, 24);
    add(l, " %s", buf);
}

static void
tokenizer_line(const sov_meta *meta, struct line *l)
{
    const struct sov_kv *list = sov_meta_find(meta, "tokenizer.ggml.tokens");
    char buf[200];

    if (show_string(meta, "tokenizer.ggml.model", buf, sizeof(buf), 30) == NULL)
        return;
    add(l, "%s",
        strcmp(buf, "llama") == 0  ? "SentencePiece"
        : strcmp(buf, "gpt2") == 0 ? "byte pairs"
                                   : buf);
    if (show_string(meta, "tokenizer.ggml.pre", buf, sizeof(buf), 30) != NULL)
        add(l, " (%s)", buf);
    if (list != NULL && list->type == SOV_V_ARR)
        add(l, ", %" PRIu64 " tokens", list->n);
    token_part(meta, "tokenizer.ggml.bos_token_id", "bos", l);
    token_part(meta, "tokenizer.ggml.eos_token_id", "eos", l);
    print_line("tokenizer", l);
}

static void
chat_line(const sov_meta *meta, struct line *l)
{
    struct sov_span s;

    if (sov_meta_str(meta, "tokenizer.chat_template", &s, NULL) != 0)
        return;
    add(l, "template of %zu bytes (--get tokenizer.chat_template)", s.len);
    print_line("chat", l);
}

static void
licence_line(const sov_meta *meta, struct line *l)
{
    char buf[400];

    if (show_string(meta, "general.license", buf, sizeof(buf), 60) != NULL)
        add(l, "%s", buf);
    print_line("licence", l);
    if (show_string(meta, "general.base_model.0.repo_url", buf, sizeof(buf),
                    90) != NULL ||
        show_string(meta, "general.base_model.0.name", buf, sizeof(buf), 60) !=
            NULL)
        add(l, "%s", buf);
    print_line("made from", l);
}

/* The claims of its ancestors that a model carries, one on each line, and the
 * file of claims beside it. */
static void
claims_line(const struct show_facts *f, struct line *l)
{
    const char *const *files;
    struct sov_span s;
    struct stat st;
    char *beside = NULL;
    size_t n = 0;

    if (sov_meta_str(sov_model_meta(f->model), "sov.lineage.claims", &s,
                     NULL) == 0) {
        for (size_t i = 0; i < s.len; i++)
            n += s.p[i] == '\n' || i + 1 == s.len;
        add(l, "%zu of ancestors, ", n);
    }
    if (sov_model_files(f->model, &files) > 0 &&
        asprintf(&beside, "%s.claims.jsonl", f->path) >= 0) {
        if (stat(beside, &st) == 0)
            add(l, "its own beside it, ");
        free(beside);
    }
    if (l->len > 0)
        add(l, "unverified; check with sov-verify");
    print_line("claims", l);
}

static void
layout_line(const struct show_facts *f, struct line *l)
{
    const sov_meta *meta = sov_model_meta(f->model);
    uint64_t align = 32;

    if (strcmp(sov_model_format(f->model), "gguf") == 0) {
        (void)sov_meta_u64(meta, "general.alignment", &align, NULL);
        add(l, "%" PRIu64 " tensors, aligned to %" PRIu64 " bytes; ",
            f->sum.tensors, align);
    } else {
        add(l, "%" PRIu64 " tensors; ", f->sum.tensors);
    }
    add(l, "%zu keys", sov_meta_count(meta));
    print_line("layout", l);
}

static void
notes(const struct show_facts *f, struct line *l)
{
    const char *text;
    size_t i = 0;

    for (; i < NOTES_MAX && (text = sov_model_warning(f->model, i)) != NULL;
         i++) {
        add(l, "%s", text);
        print_line("note", l);
    }
    while (sov_model_warning(f->model, i) != NULL)
        i++;
    if (i > NOTES_MAX) {
        add(l, "and %zu more (--json has all)", i - NOTES_MAX);
        print_line("", l);
    }
}

static void
print_title(const struct show_facts *f)
{
    const char *base = strrchr(f->name, '/');
    size_t columns = sov_tool_columns();
    char name[4 * 512];

    base = base != NULL && base[1] != '\0' ? base + 1 : f->name;
    if (show_string(sov_model_meta(f->model), "general.name", name,
                    sizeof(name), columns) == NULL)
        sov_text_excerpt(name, sizeof(name), base, strlen(base), columns);
    show_head("%s", name);
}

static void
print_summary(const struct show_facts *f)
{
    const sov_meta *meta = sov_model_meta(f->model);
    struct line l = { .len = 0 };

    print_title(f);
    file_line(f, &l);
    model_line(f, &l);
    shape_line(meta, &l);
    context_line(meta, &l);
    tokenizer_line(meta, &l);
    chat_line(meta, &l);
    licence_line(meta, &l);
    claims_line(f, &l);
    layout_line(f, &l);
    notes(f, &l);
}

/* ---- the tables ---- */

/* The share as a bar of eighths, where such characters can be shown. */
static void
bar(char *buf, size_t size, double share)
{
    static const char *const part[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    int eighths = (int)(share * BAR * 8 + 0.5);
    size_t at = 0;

    buf[0] = '\0';
    for (int i = 0; i < eighths / 8 && at + 4 < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "█");
    snprintf(buf + at, size - at, "%s", part[eighths % 8]);
}

static int
compare_totals(const struct show_facts *f, int a, int b)
{
    if (f->type[a].bytes != f->type[b].bytes)
        return f->type[a].bytes > f->type[b].bytes ? -1 : 1;
    return a - b;
}

static int
print_types(const struct show_facts *f, struct sov_err *err)
{
    bool bars = sov_tool_unicode() && sov_tool_tty(STDOUT_FILENO);
    struct show_table t = {
        .head = { "type", "tensors", "weights", "bytes", "bits", "share", "" },
        .right = { false, true, true, true, true, true, false },
        .n_columns = bars ? 7 : 6,
    };
    int order[SHOW_TYPES], n = 0;
    char count[16], bytes[16], line[80];

    for (int i = 0; i < SHOW_TYPES; i++) {
        int k = n;

        if (f->type[i].tensors == 0)
            continue;
        for (; k > 0 && compare_totals(f, order[k - 1], i) > 0; k--)
            order[k] = order[k - 1];
        order[k] = i;
        n++;
    }
    for (int k = 0; k < n; k++) {
        const struct show_total *s = &f->type[order[k]];
        double share =
            f->sum.bytes > 0 ? (double)s->bytes / (double)f->sum.bytes : 0;

        show_table_cell(&t, "%s", type_name(order[k]));
        show_table_cell(&t, "%" PRIu64, s->tensors);
        show_table_cell(&t, "%s", show_count(count, s->weights));
        show_table_cell(&t, "%s", sov_progress_bytes(bytes, s->bytes));
        show_table_cell(&t, "%.2f", show_bpw(s));
        if (share > 0 && share < 0.0005)
            show_table_cell(&t, "< 0.1 %%");
        else
            show_table_cell(&t, "%.1f %%", 100 * share);
        if (bars) {
            bar(line, sizeof(line), share);
            show_table_cell(&t, "%s", line);
        }
    }
    return show_table_print(&t, err);
}

/* Columns for the keys; those that are longer than most do not count. */
static size_t
key_width(const sov_meta *meta)
{
    size_t columns = sov_tool_columns(), width = 0;
    size_t most =
        columns < KEY_WIDTH + VALUE_WIDTH ? columns - VALUE_WIDTH : KEY_WIDTH;

    for (size_t i = 0; i < sov_meta_count(meta); i++) {
        size_t w = sov_text_width(sov_meta_at(meta, i)->key);

        if (w <= most && w > width)
            width = w;
    }
    return width;
}

static int
print_metadata(const struct show_facts *f, bool all, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(f->model);
    size_t width = key_width(meta), room = sov_tool_columns() - width - 2;

    show_head("metadata");
    for (size_t i = 0; i < sov_meta_count(meta); i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);
        char *value = show_value(kv, all ? 4000 : room);
        size_t size = 4 * strlen(kv->key) + 8;
        char *key = malloc(size);

        if (value == NULL || key == NULL) {
            free(value);
            free(key);
            return sov_fail(err, SOV_EMEM, "out of memory");
        }
        sov_text_escape(key, size, kv->key);
        size = sov_text_width(key);
        if (size > width && !all) /* keep the line whole */
            printf("%s\n%*s  %s\n", key, (int)width, "", value);
        else
            printf("%s%*s  %s\n", key, size < width ? (int)(width - size) : 0,
                   "", value);
        free(value);
        free(key);
    }
    return 0;
}

/* One row for one tensor, with where it is. */
static void
row_of_one(struct show_table *t, const struct show_facts *f, size_t i)
{
    const char *file;
    uint64_t off;

    if (sov_model_place(f->model, i, &file, &off))
        show_table_cell(t, "%" PRIu64, off);
    else
        show_table_cell(t, "-");
}

static int
print_tensors(const struct show_facts *f, bool all, struct sov_err *err)
{
    struct show_table t = {
        .head = { "tensor", "type", "shape", "size", all ? "offset" : "" },
        .right = { false, false, false, true, true },
        .n_columns = 5,
        .cut = 1,
    };
    struct show_fold *fold;
    char shape[100], bytes[16];
    size_t n;
    int rc;

    rc = show_fold(f->model, all, &fold, &n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *x = sov_model_at(f->model, fold[i].first);

        show_table_cell(&t, "%s", fold[i].name);
        show_table_cell(&t, "%s", type_name((int)x->type));
        show_table_cell(&t, "%s", show_shape(shape, sizeof(shape), x));
        show_table_cell(&t, "%s", sov_progress_bytes(bytes, x->size));
        if (all)
            row_of_one(&t, f, fold[i].first);
        else if (fold[i].n > 1)
            show_table_cell(&t, "x %zu", fold[i].n);
        else
            show_table_cell(&t, "%s", "");
    }
    show_fold_free(fold, n);
    return show_table_print(&t, err);
}

int
show_card(const struct show_facts *f, bool all, struct sov_err *err)
{
    int rc;

    print_summary(f);
    putchar('\n');
    rc = print_types(f, err);
    if (rc == 0 && sov_meta_count(sov_model_meta(f->model)) > 0) {
        putchar('\n');
        rc = print_metadata(f, all, err);
    }
    if (rc == 0 && sov_model_count(f->model) > 0) {
        putchar('\n');
        rc = print_tensors(f, all, err);
    }
    return rc;
}
