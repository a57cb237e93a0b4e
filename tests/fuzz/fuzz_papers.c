/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_papers.c - papers (sov-verify --report) of what anybody may have said
 *
 * An input is text, a line each; one that begins with a space goes on with the
 * line before.
 *
 *   {"_type":...}    the payload of a claim, signed by a key that is trusted
 *   ?{"_type":...}   ... by one that is not
 *   key=words        a text of the model's header; a number, if it is one
 *   !words           the name of the model
 *   +words           one more file of it
 *
 * In payloads @0 to @9 stand for the ids of the claims before, and @m for the
 * digest of the model's first file, so that a few bytes make a history.
 *
 * Every paper is written, twice, and read: its form holds, whatever was said,
 * and what is asked of it beside its form stands in the functions here.
 */
#include "fuzz_forms.h"

#include "sov/key.h"
#include "sov/policy.h"
#include "trust/keys.h"
#include "verify/paper.h"

#include <sys/mman.h>
#include <unistd.h>

#define LINES 64  /* of an input */
#define FILES 4   /* of the model */
#define BYTE  'm' /* 32 of them are the digest of the first file */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sov_verify sov_verify; /* nothing was said on a command line */

struct input {
    struct paper p;
    sov_meta *meta;
    char *name;
    struct sov_claim_file file[FILES];
    char *file_name[FILES];
    char id[10][65];
    size_t n_ids;
};

/* ---- a model, always the same: its header is taken from the input */

static sov_model *
make_model(void)
{
    static const unsigned char head[] = {
        'G', 'G', 'U', 'F', 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        0,   0,   0,   0,   0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,
        0,   0,   't', 1,   0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, /* f32 [8] */
        0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0,
    };
    unsigned char bytes[128] = { 0 };
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    sov_model *m;
    char path[64];

    memcpy(bytes, head, sizeof(head));
    if (fd < 0 || write(fd, bytes, 96) != 96)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (sov_model_open(&m, path, SOV_ACCESS_STREAM, NULL) < 0)
        abort();
    return m;
}

static sov_seckey *
grow(int first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key;

    for (int i = 0; i < SOV_SEED_LEN; i++)
        seed[i] = (unsigned char)(first + i);
    if (sov_seckey_seed(&key, seed, NULL) < 0)
        abort();
    return key;
}

/* ---- the input */

/* Ids and the digest in their places; NULL: that is no text. */
static char *
expand(const struct input *in, const char *line)
{
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    if (f == NULL)
        abort();
    for (; *line != '\0'; line++) {
        if (line[0] == '@' && line[1] == 'm') {
            for (int i = 0; i < SOV_SHA256_LEN; i++)
                fprintf(f, "%02x", BYTE);
            line++;
        } else if (line[0] == '@' && line[1] >= '0' &&
                   (size_t)(line[1] - '0') < in->n_ids) {
            fputs(in->id[*++line - '0'], f);
        } else {
            fputc(*line, f);
        }
    }
    if (fclose(f) != 0)
        abort();
    return out;
}

static void
take_claim(struct input *in, const char *line, int by)
{
    static sov_seckey *key[2];
    char *text = expand(in, line), *out;
    char id[65];
    size_t len;

    if (key[by] == NULL)
        key[by] = grow(32 * by);
    if (sov_claim_sign(key[by], text, strlen(text), &out, &len, id, NULL) < 0)
        abort();
    if (sov_claims_read(in->p.claims, out, len, "fuzz", NULL) == 0 &&
        in->n_ids < 10)
        memcpy(in->id[in->n_ids++], id, sizeof(id));
    free(out);
    free(text);
}

static void
take_meta(struct input *in, char *line)
{
    char *value = strchr(line, '=');
    char *end;
    unsigned long n;

    if (value == NULL || value == line)
        return;
    *value++ = '\0';
    n = strtoul(value, &end, 10);
    if (*value != '\0' && *end == '\0' && n <= UINT32_MAX)
        (void)!sov_meta_set_u32(in->meta, line, (uint32_t)n, NULL);
    else if (strcmp(line, "tokenizer.ggml.tokens") == 0)
        (void)!sov_meta_set_text(in->meta, line, "str[]", value, strlen(value),
                                 NULL);
    else
        (void)!sov_meta_set_str(in->meta, line, value, NULL);
}

static void
take_file(struct input *in, const char *name)
{
    size_t n = in->p.set.n;

    if (n == FILES)
        return;
    in->file_name[n] = strdup(name);
    in->file[n].name = in->file_name[n];
    in->file[n].digest.has = SOV_HASH_SHA256 | SOV_HASH_VERITY;
    in->file[n].digest.size = 96;
    memset(in->file[n].digest.sha256, BYTE + (int)n, SOV_SHA256_LEN);
    in->p.set.n++;
}

static void
take_line(struct input *in, char *line)
{
    if (line[0] == '{') {
        take_claim(in, line, 0);
    } else if (line[0] == '?') {
        take_claim(in, line + 1, 1);
    } else if (line[0] == '+') {
        take_file(in, line + 1);
    } else if (line[0] == '!') {
        free(in->name);
        in->name = strdup(line + 1);
    } else {
        take_meta(in, line);
    }
}

static void
take_lines(struct input *in, const uint8_t *data, size_t size)
{
    char *text = calloc(size + 1, 1), *at = text, *out = text;
    size_t n = 0;

    if (text == NULL)
        abort();
    for (size_t i = 0; i < size; i++) { /* lines that go on are joined */
        if (data[i] == '\n' && i + 1 < size && data[i + 1] == ' ')
            i++;
        else
            *out++ = (char)data[i];
    }
    *out = '\0';
    while (at < out && n++ < LINES) {
        char *end = strchr(at, '\n');

        if (end == NULL)
            end = at + strlen(at); /* at a NUL the rest is dropped */
        else
            *end++ = '\0';
        take_line(in, at);
        at = end;
        if (*at == '\0')
            break;
    }
    free(text);
}

static void
begin(struct input *in)
{
    static sov_model *model;
    sov_seckey *key = grow(0);

    if (model == NULL)
        model = make_model();
    memset(in, 0, sizeof(*in));
    in->p.model = model;
    in->p.path = "model";
    in->p.set.file = in->file;
    if (sov_claims_new(&in->p.claims, NULL) < 0 ||
        sov_policy_new(&in->p.policy, NULL) < 0 ||
        sov_meta_new(&in->meta, NULL) < 0 ||
        sov_keyring_add(sov_policy_ring(in->p.policy), sov_seckey_public(key),
                        NULL) < 0)
        abort();
    sov_keyring_set_time(sov_policy_ring(in->p.policy), 1767323045);
    sov_seckey_free(key);
    take_file(in, "m.gguf");
}

static void
end(struct input *in)
{
    for (size_t i = 0; i < PAPER_FACTS; i++)
        free(in->p.fact[i].text);
    for (size_t i = 0; i < FILES; i++)
        free(in->file_name[i]);
    free(in->p.step);
    free(in->p.word);
    free(in->name);
    sov_claims_free(in->p.claims);
    sov_policy_free(in->p.policy);
    sov_meta_free(in->meta);
}

/* As --report judges; false: there is no paper about it. */
static bool
judge(struct paper *p)
{
    int rc;

    p->set.file[0].any_name = p->set.n == 1;
    rc = sov_policy_verify(p->claims, p->policy, p->set.file, p->set.n, &p->v,
                           NULL);
    p->verified = rc == 0;
    if (rc != 0 && p->v.answer != SOV_ANSWER_UNKNOWN &&
        p->v.answer != SOV_ANSWER_NO_CLAIM)
        return false;
    p->leaf = p->verified ? p->v.leaf
                          : sov_claims_about(p->claims, p->set.file, p->set.n);
    return true;
}

/* ---- what is asked of papers */

static bool
is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    size_t i = 0;

    for (; text != NULL && text[i] != '\0' && i < sizeof(form) - 1; i++)
        if (form[i] == '0' ? !isdigit((unsigned char)text[i])
                           : text[i] != form[i])
            return false;
    return text != NULL && i == sizeof(form) - 1 && text[i] == '\0';
}

static const char *
text_of(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

static void
need_time(const json_t *obj, const char *key, const char *paper)
{
    if (json_object_get(obj, key) != NULL && !is_time(text_of(obj, key)))
        form_wrong(key, paper);
}

/* Whatever it names is there: a text, or a list of them. */
static void
need_known(const json_t *known, const json_t *obj, const char *key,
           const char *paper)
{
    const json_t *v = json_object_get(obj, key), *one;
    size_t i;

    if (json_is_string(v) &&
        json_object_get(known, json_string_value(v)) == NULL)
        form_wrong(key, paper);
    json_array_foreach(
        v, i, one) if (!json_is_string(one) ||
                       json_object_get(known, json_string_value(one)) == NULL)
        form_wrong(key, paper);
}

static void
read_spdx(const char *text, size_t len)
{
    static const char *const refs[] = { "from",         "to",
                                        "subject",      "suppliedBy",
                                        "rootElement",  "createdBy",
                                        "createdUsing", NULL };
    json_t *doc = form_json(text, len), *known = json_object();
    const json_t *graph = json_object_get(doc, "@graph"), *e;
    size_t i;

    json_array_foreach(graph, i, e)
    {
        const char *id = text_of(e, "spdxId");

        if (id != NULL && json_object_get(known, id) != NULL)
            form_wrong("two elements of one name", id);
        if (id != NULL && json_object_set_new(known, id, json_true()) < 0)
            abort();
        need_time(e, "created", text);
        need_time(e, "releaseTime", text);
    }
    json_array_foreach(graph, i, e) for (const char *const *r = refs;
                                         *r != NULL; r++)
        need_known(known, e, *r, text);
    if (json_array_size(graph) < 5)
        form_wrong("few elements", text);
    json_decref(known);
    json_decref(doc);
}

static void
read_cyclonedx(const char *text, size_t len)
{
    json_t *doc = form_json(text, len), *metadata, *model;

    metadata = json_object_get(doc, "metadata");
    model = json_object_get(metadata, "component");
    need_time(metadata, "timestamp", text);
    if (text_of(doc, "serialNumber") == NULL ||
        strlen(text_of(doc, "serialNumber")) != 45 ||
        text_of(model, "name") == NULL || text_of(model, "type") == NULL ||
        !json_is_object(json_object_get(model, "modelCard")))
        form_wrong("a member of the BOM", text);
    json_decref(doc);
}

static void
read_annex(const char *text, size_t len)
{
    static const char *const heads[] = {
        "# ",
        "## ",
        "### ",
        "**Model:** ",
        "**Standing:** ",
        "**As of:** ",
        "**Made by:** ",
        "Anybody who has",
        "It follows ",
        "Behind every ",
        "This paper ",
        "Annex IV is ",
        "Fill in ",
        "The file ",
        "Facts that ",
        " of ",
        " statement",
        NULL,
    };

    (void)len;
    form_md(text, heads);
}

static void
read_card(const char *text, size_t len)
{
    static const char *const heads[] = {
        "# ", "## ", "Behind every ", "Verified: every ", "NOT VERIFIED: ", NULL
    };

    (void)len;
    form_md(form_yaml(text), heads);
}

static void
read_svg(const char *text, size_t len)
{
    static const char *const names[] = { "svg",  "title", "style", "rect",
                                         "text", "path",  "defs",  "marker",
                                         "g",    NULL };

    (void)len;
    form_xml(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- sov-verify -->\n",
        names);
}

static void
read_dot(const char *text, size_t len)
{
    static const char *const lines[] = {
        "// sov-verify",
        "digraph lineage {",
        "  rankdir=TB;",
        "  node [shape=box];",
        "  n0 [style=solid, label=\"\"];",
        "  n0 [style=dashed, label=\"\"];",
        "  n0 [style=dotted, label=\"\"];",
        "  n0 -> n0;",
        "  n0 -> n0 [label=\"\"];",
        "}",
        NULL,
    };

    (void)len;
    form_dot(text, lines);
}

static const struct {
    paper_fn write;
    void (*read)(const char *text, size_t len);
} kinds[] = {
    { paper_annex_iv, read_annex },      { paper_annex_xi, read_annex },
    { paper_cyclonedx, read_cyclonedx }, { paper_spdx, read_spdx },
    { paper_card, read_card },           { paper_lineage, read_svg },
    { paper_lineage_dot, read_dot },
};

static char *
make(const struct paper *p, paper_fn write, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);

    if (f == NULL || write(p, f, NULL) < 0 || fclose(f) != 0)
        abort();
    return text;
}

static size_t
lines_of(const struct paper *p, const char *name)
{
    const char *text = paper_text(p, name);
    size_t n = text != NULL;

    for (; text != NULL && *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in;

    begin(&in);
    take_lines(&in, data, size);
    in.p.name = in.name != NULL ? in.name : "model";
    in.p.meta = in.meta;
    if (judge(&in.p)) {
        if (paper_gather(&in.p, NULL) < 0)
            abort();
        /* no name makes two lines of one */
        if (lines_of(&in.p, "@digests") != in.p.set.n ||
            lines_of(&in.p, "@process") != in.p.n_steps)
            form_wrong("lines", paper_text(&in.p, "@digests"));
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            size_t len[2];
            char *text[2];

            for (int k = 0; k < 2; k++)
                text[k] = make(&in.p, kinds[i].write, &len[k]);
            if (len[0] != len[1] || memcmp(text[0], text[1], len[0]) != 0)
                form_wrong("two papers of one model", text[0]);
            form_text(text[0], len[0]);
            kinds[i].read(text[0], len[0]);
            free(text[0]);
            free(text[1]);
        }
    }
    end(&in);
    return 0;
}
