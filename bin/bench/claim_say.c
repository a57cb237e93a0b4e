/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_say.c - what a claim says of what was measured
 *
 * in-toto's test-result, v0.1:
 *
 *   result           FAILED if anything was worse under --fail-above, else
 *                    WARNED if anything was not clear, else PASSED
 *   passedTests, warnedTests, failedTests
 *                    what was measured, by its words: "decode 64, 2 threads"
 *   configuration    role tool: this program; records: the lines as --json
 *                    prints them; text: what quality was measured on; baseline;
 *                    other: the model, or program, beside it
 *   sov_finishedOn, sov_run
 *   sov_machine      as in a record
 *   sov_measurements name, metric, unit, better, value, low, high (texts), n,
 *                    what the cell says, and verdict where there is one
 *
 * Numbers are texts, since those of claims are whole; to six digits, and in the
 * records, whose digest is signed, to all.
 */
#include "bench/claim.h"
#include "bench/view.h"

#include "cli/claims.h"
#include "cli/names.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS      20 /* of a measurement, at most */
#define CONFIG_FIXED 4  /* tool, records, baseline, other */

struct measured {
    struct sov_param member[MEMBERS];
    char name[BENCH_TEXT_MAX];
    char value[3][32];
};

/* A claim in the making. */
struct making {
    const struct bench_claims *c;
    const struct subject *s;
    const struct sov_bench_set *set;
    const struct sov_bench_verdict *v;
    size_t n_v;
    size_t n;
    struct measured *measured;         /* [n] */
    struct sov_param *map;             /* [n] */
    struct sov_param *test[SOV_TESTS]; /* [n] each */
    struct sov_resource *config;
    struct sov_param *digest; /* of entries of config */
    size_t n_config;
};

static struct sov_param
text_of(const char *key, const char *text)
{
    return (struct sov_param){ .key = key,
                               .kind = SOV_PARAM_STR,
                               .str = bench_text(text) };
}

static void
add_text(struct sov_param *map, const char *key, const char *text)
{
    if (bench_text(text)[0] != '\0')
        ((struct sov_param *)map->item)[map->n++] = text_of(key, text);
}

static void
add_number(struct sov_param *map, const char *key, uint64_t n)
{
    if (n > 0)
        ((struct sov_param *)map->item)[map->n++] = (struct sov_param){
            .key = key, .kind = SOV_PARAM_INT, .num = (int64_t)n
        };
}

static void
add_real(struct sov_param *map, const char *key, double v, char text[32])
{
    if (!isfinite(v))
        return;
    snprintf(text, 32, "%.6g", v);
    add_text(map, key, text);
}

static bool
is_of(const struct subject *s, const struct sov_bench_record *r)
{
    return !bench_of_machine(r) && strcmp(r->model.digest, s->digest) == 0 &&
           strcmp(bench_text(r->model.name), s->name) == 0;
}

static const struct sov_bench_verdict *
verdict_of(const struct making *m, const struct sov_bench_record *r)
{
    for (size_t i = 0; i < m->n_v; i++)
        if (m->v[i].now == r)
            return &m->v[i];
    return NULL;
}

/* Worse is a warning where nobody asked to fail. */
static enum sov_test
outcome(const struct sov_bench_verdict *v)
{
    if (v == NULL || v->answer == SOV_BENCH_SAME ||
        v->answer == SOV_BENCH_BETTER)
        return SOV_TEST_PASSED;
    return v->answer == SOV_BENCH_WORSE && bench_options.fail_above_given
               ? SOV_TEST_FAILED
               : SOV_TEST_WARNED;
}

static void
add_record(struct making *m, struct sov_statement *st,
           const struct sov_bench_record *r)
{
    static const struct bench_view alone; /* no condition goes without saying */
    const struct sov_bench_verdict *v = verdict_of(m, r);
    struct measured *to = &m->measured[m->n];
    struct sov_param *map = &m->map[m->n++];
    enum sov_test how = outcome(v);
    struct bench_row row = { .r = r };

    bench_row_words(&row, &alone);
    snprintf(to->name, sizeof(to->name), "%s", row.what);
    m->test[how][st->test[how].n++] = text_of(NULL, to->name);
    if (how > st->result)
        st->result = how;
    *map = (struct sov_param){ .kind = SOV_PARAM_MAP, .item = to->member };
    add_text(map, "name", to->name);
    add_text(map, "metric", r->metric);
    add_text(map, "unit", r->unit);
    add_text(map, "better", r->better == SOV_BENCH_LOWER ? "lower" : "higher");
    add_real(map, "value", r->stat.median, to->value[0]);
    add_real(map, "low", r->stat.low, to->value[1]);
    add_real(map, "high", r->stat.high, to->value[2]);
    add_number(map, "n", r->stat.n);
    add_number(map, "prompt", r->cell.prompt);
    add_number(map, "gen", r->cell.gen);
    add_number(map, "depth", r->cell.depth);
    add_number(map, "batch", r->cell.batch);
    add_number(map, "threads", r->cell.threads);
    add_text(map, "kv", r->cell.kv);
    add_text(map, "text", r->cell.text);
    if (v != NULL)
        add_text(map, "verdict", sov_bench_answer_name(v->answer));
}

static struct sov_resource *
add_config(struct making *m, const char *name, const char *role)
{
    struct sov_resource *r = &m->config[m->n_config++];

    r->name = name;
    r->role = role;
    return r;
}

/* One more with a digest in hex; those without, or known already, are none. */
static void
add_other(struct making *m, const char *name, const char *role, const char *hex)
{
    struct sov_param *digest = &m->digest[m->n_config];

    if (strlen(hex) != 64)
        return;
    for (size_t i = 0; i < m->n_config; i++)
        if (m->config[i].n_digests > 0 &&
            strcmp(m->config[i].digests->str, hex) == 0)
            return;
    *digest = text_of("sha256", hex);
    *add_config(m, name, role) = (struct sov_resource){
        .name = name, .role = role, .digests = digest, .n_digests = 1
    };
}

/* The digest of the lines, as --json and --history write them. */
static int
hash_records(const struct making *m, struct sov_digest *d, struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);

    for (size_t i = 0; i < m->set->n && rc == 0; i++) {
        char *line = NULL;
        size_t len;

        rc = sov_bench_record_write(&m->set->record[i], &line, &len, err);
        if (rc == 0)
            rc = sov_hasher_update(h, line, len, err);
        free(line);
    }
    if (rc == 0)
        rc = sov_hasher_final(h, d, err);
    sov_hasher_free(h);
    return rc;
}

static int
configure(struct making *m, struct sov_param *version, struct sov_err *err)
{
    struct sov_resource *tool = add_config(m, sov_tool_name(), "tool");
    struct sov_resource *records = add_config(m, "records", "records");
    int rc;

    *version = text_of("sov_version", sov_version());
    tool->notes = version;
    tool->n_notes = 1;
    rc = sov_hash_path("/proc/self/exe", SOV_HASH_SHA256, &tool->digest, err);
    if (rc == 0)
        rc = hash_records(m, &records->digest, err);
    if (m->c->baseline.has != 0)
        add_config(m, sov_name_base(bench_options.baseline), "baseline")
            ->digest = m->c->baseline;
    for (size_t i = 0; i < m->set->n; i++) {
        const struct sov_bench_record *r = &m->set->record[i];

        if (is_of(m->s, r))
            add_other(m, r->cell.text, "text", r->cell.text_digest);
        else if (bench_options.vs != NULL && !bench_of_machine(r))
            add_other(m, r->model.name, "other", r->model.digest);
    }
    return rc;
}

static int
make_room(struct making *m, struct sov_err *err)
{
    size_t n = m->set->n;
    bool bad = false;

    m->measured = calloc(n + 1, sizeof(*m->measured));
    m->map = calloc(n + 1, sizeof(*m->map));
    m->config = calloc(n + CONFIG_FIXED, sizeof(*m->config));
    m->digest = calloc(n + CONFIG_FIXED, sizeof(*m->digest));
    for (int i = 0; i < SOV_TESTS; i++) {
        m->test[i] = calloc(n + 1, sizeof(**m->test));
        bad |= m->test[i] == NULL;
    }
    if (bad || m->measured == NULL || m->map == NULL || m->config == NULL ||
        m->digest == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    return 0;
}

static void
free_room(struct making *m)
{
    for (int i = 0; i < SOV_TESTS; i++)
        free(m->test[i]);
    free(m->measured);
    free(m->map);
    free(m->config);
    free(m->digest);
}

/* Facts of the machine, as they stand in a record. */
static void
describe_machine(struct sov_param *map, const struct sov_bench_machine *f)
{
    add_text(map, "id", f->id);
    add_text(map, "cpu", f->cpu);
    add_text(map, "isa", f->isa);
    add_text(map, "kernel", f->kernel);
    add_text(map, "governor", f->governor);
    add_text(map, "microcode", f->microcode);
    add_text(map, "sov", f->sov);
    add_number(map, "cpus", f->cpus);
    add_number(map, "memory", f->memory);
}

static struct sov_resource *
subjects_of(const struct subject *s, struct sov_err *err)
{
    struct sov_resource *r = calloc(s->set.n, sizeof(*r));

    if (r == NULL)
        (void)sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; r != NULL && i < s->set.n; i++) {
        r[i].name = s->set.file[i].name;
        r[i].digest = s->set.file[i].digest;
        r[i].has_size = true;
    }
    return r;
}

static int
say(struct making *m, char **line, size_t *len, struct sov_err *err)
{
    struct sov_param machine[MEMBERS], version, extra[3];
    struct sov_resource *subject = subjects_of(m->s, err);
    struct sov_statement st = {
        .predicate_type = SOV_PREDICATE_TEST,
        .subject = subject,
        .n_subjects = m->s->set.n,
        .result = SOV_TEST_PASSED,
        .finished = sov_claims_now(),
        .extra = extra,
        .n_extra = 3,
    };
    int rc = subject != NULL ? configure(m, &version, err) : SOV_EMEM;

    for (size_t i = 0; i < m->set->n; i++)
        if (is_of(m->s, &m->set->record[i]))
            add_record(m, &st, &m->set->record[i]);
    for (int i = 0; i < SOV_TESTS; i++)
        st.test[i].item = m->test[i];
    st.configuration = m->config;
    st.n_configuration = m->n_config;
    extra[0] = text_of("sov_run", m->set->record[0].run);
    extra[1] = (struct sov_param){ .key = "sov_machine",
                                   .kind = SOV_PARAM_MAP,
                                   .item = machine };
    describe_machine(&extra[1], &m->set->record[0].machine);
    extra[2] = (struct sov_param){ .key = "sov_measurements",
                                   .kind = SOV_PARAM_LIST,
                                   .item = m->map,
                                   .n = m->n };
    if (rc == 0)
        rc = sov_claim_make(&st, m->c->key, line, len, NULL, err);
    free(subject);
    return rc;
}

int
claim_say(const struct bench_claims *c, const struct subject *s,
          const struct sov_bench_set *set, const struct sov_bench_verdict *v,
          size_t n_v, char **line, size_t *len, struct sov_err *err)
{
    struct making m = { .c = c, .s = s, .set = set, .v = v, .n_v = n_v };
    int rc = make_room(&m, err);

    if (rc == 0)
        rc = say(&m, line, len, err);
    free_room(&m);
    return rc;
}
