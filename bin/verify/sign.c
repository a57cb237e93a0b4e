/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - sov-verify --adopt, --sign, --facts: put a signature under a model
 *
 * --adopt says where a model from outside came from: an import claim.
 * --sign puts one more signature under the claim about exactly these bytes,
 * and where there is none, says no more than "these are the bytes".
 * --facts says what people declare of it (declare.c).
 *
 * The lines that are there already are kept as they are.  Index, claims and
 * the signature that freezes them appear together, or none of them does.
 */
#include "cli/claims.h"
#include "cli/names.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/oms.h"
#include "verify/sign.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILDER "urn:sov:builder:sov-verify:v1"

/* ---- digests of files and tensors ---- */

/* Where the tensors of the model lie, those that lie in a file as they are. */
static int
find_tensors(const struct sign_job *j, const sov_model *model,
             struct sov_index_tensor *tensor, size_t *n, struct sov_err *err)
{
    const char *last = NULL;
    size_t file = 0;

    (void)err;
    *n = 0;
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);
        struct sov_index_tensor *to = &tensor[*n];
        const char *path;

        if (!sov_model_place(model, i, &path, &to->off))
            continue;
        if (last == NULL || strcmp(last, path) != 0) {
            for (file = 0; file < j->set.n; file++)
                if (sov_tool_same_file(path, j->set.paths[file]))
                    break;
            last = path;
        }
        if (file == j->set.n)
            continue;
        to->name = t->name;
        to->file = file;
        to->digest.size = t->size;
        ++*n;
    }
    return 0;
}

/* Does the model look as its file does?  Then the digests of the file's
 * tensors are those of its content. */
static bool
is_plain_gguf(const struct sign_job *j, const sov_model *model)
{
    unsigned char head[8];
    FILE *f;
    bool plain;

    if (strcmp(sov_model_format(model), "gguf") != 0)
        return false;
    f = fopen(j->set.paths[0], "rbe");
    if (f == NULL)
        return false;
    plain = fread(head, 1, sizeof(head), f) == sizeof(head) &&
            memcmp(head, "GGUF", 4) == 0 && head[6] == 0 && head[7] == 0;
    fclose(f);
    return plain; /* little-endian: the version is a small number */
}

static int
content_root(struct sign_job *j, const sov_model *model, struct sov_err *err)
{
    size_t n = sov_model_count(model);
    const struct sov_tensor **tensor = calloc(n + 1, sizeof(*tensor));
    struct sov_digest *digest = calloc(n + 1, sizeof(*digest));
    int rc = 0;

    if (tensor == NULL || digest == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        tensor[i] = sov_model_at(model, i);
        digest[i] = j->parts.tensor[i].digest;
    }
    if (rc == 0) {
        rc = sov_content_root(sov_model_meta(model), tensor, digest, n, j->root,
                              err);
        j->has_root = rc == 0;
        if (rc == SOV_EUNSUP)
            rc = 0; /* a claim does without */
    }
    free(tensor);
    free(digest);
    return rc;
}

static int
hash_parts(struct sign_job *j, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < j->set.n && rc == 0; i++)
        rc = sov_fileset_feed(&j->set, i, j->parts.hasher[i], err);
    if (rc == 0)
        rc = sov_parts_final(&j->parts, err);
    for (size_t i = 0; i < j->set.n && rc == 0; i++)
        j->set.file[i].digest = j->parts.file[i].digest;
    return rc;
}

/* All the digests that a new claim has, and the index. */
static int
measure(struct sign_job *j, struct sov_err *err)
{
    const char **name = calloc(j->set.n, sizeof(*name));
    struct sov_index_tensor *tensor = NULL;
    sov_model *model = NULL;
    size_t n = 0;
    int rc;

    if (name == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < j->set.n; i++)
        name[i] = j->set.file[i].name;
    rc = sov_model_open(&model, j->path, SOV_ACCESS_STREAM, err);
    if (rc == 0) {
        tensor = calloc(sov_model_count(model) + 1, sizeof(*tensor));
        rc = tensor != NULL ? find_tensors(j, model, tensor, &n, err)
                            : sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (rc == 0)
        rc = sov_parts_new(&j->parts, name, j->set.n, tensor, n, err);
    if (rc == 0)
        rc = hash_parts(j, err);
    if (rc == 0 && n == sov_model_count(model) && is_plain_gguf(j, model))
        rc = content_root(j, model, err);
    if (rc == 0)
        rc = sov_parts_index(&j->parts, &j->index, &j->index_len, err);
    sov_model_close(model);
    free(tensor);
    free(name);
    return rc;
}

/* ---- what is said ---- */

static bool
is_commit(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
            return false;
    return n == 40;
}

/* A source with a commit of git can be pinned. */
static size_t
describe_source(struct sov_resource *dep, struct sov_param *commit)
{
    if (sov_verify.source.n == 0 || sov_verify.revision == NULL ||
        !is_commit(sov_verify.revision))
        return 0;
    *commit =
        (struct sov_param){ "gitCommit", SOV_PARAM_STR, sov_verify.revision,
                            0,           NULL,          0 };
    *dep = (struct sov_resource){
        .uri = sov_verify.source.items[0],
        .role = "source",
        .digests = commit,
        .n_digests = 1,
    };
    return 1;
}

static size_t
describe_external(struct sov_param *p)
{
    size_t n = 0;

    if (sov_verify.revision != NULL)
        p[n++] =
            (struct sov_param){ "revision", SOV_PARAM_STR, sov_verify.revision,
                                0,          NULL,          0 };
    if (sov_verify.source.n > 0)
        p[n++] = (struct sov_param){
            "source", SOV_PARAM_STR, sov_verify.source.items[0], 0, NULL, 0
        };
    return n;
}

static int
make_statement(struct sign_job *j, const struct sov_param *license,
               struct sov_err *err)
{
    struct sov_param external[2], commit;
    struct sov_resource dep;
    struct sov_resource index = {
        .name = sov_name_base(j->out[SIGN_INDEX]),
        .role = "index",
        .digest = { .has = SOV_HASH_SHA256 },
    };
    struct sov_param version = {
        "sov", SOV_PARAM_STR, sov_version(), 0, NULL, 0
    };
    struct sov_resource *subject = NULL;
    struct sov_statement st = {
        .build_type = j->adopt ? "urn:sov:buildtype:import:v1"
                               : "urn:sov:buildtype:sign:v1",
        .external = external,
        .dependency = &dep,
        .builder = BUILDER,
        .version = &version,
        .n_versions = 1,
        .finished = sov_claims_now(),
        .byproduct = &index,
        .n_byproducts = 1,
        .label = license,
        .n_labels = license->n > 0,
    };
    int rc;

    sov_sha256(j->index, j->index_len, index.digest.sha256);
    st.n_external = j->adopt ? describe_external(external) : 0;
    st.n_dependencies = j->adopt ? describe_source(&dep, &commit) : 0;
    rc = sov_claims_subjects(&j->parts, j->has_root ? j->root : NULL, &subject,
                             err);
    st.subject = subject;
    st.n_subjects = j->set.n;
    if (rc == 0)
        rc = sov_claim_make(&st, j->key, &j->line, &j->line_len, j->id, err);
    free(subject);
    return rc;
}

/* A claim of our own about these files. */
static int
make_claim(struct sign_job *j, struct sov_err *err)
{
    size_t n = sov_verify.licenses.n;
    struct sov_param *item = calloc(n + 1, sizeof(*item));
    struct sov_param license = { "license", SOV_PARAM_LIST, NULL, 0, item, n };
    int rc = 0;

    if (item == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        item[i].kind = SOV_PARAM_STR;
        item[i].str = sov_verify.licenses.items[i];
    }
    if (j->index == NULL)
        rc = measure(j, err);
    if (rc == 0)
        rc = make_statement(j, &license, err);
    free(item);
    return rc;
}

/* One more signature under the claim that is there. */
static int
countersign(struct sign_job *j, const struct sov_claim *c, struct sov_err *err)
{
    const char *own = sov_seckey_public(j->key)->id;

    for (size_t i = 0; i < sov_claims_count(j->claims); i++) {
        const struct sov_claim *other = sov_claims_at(j->claims, i);

        if (strcmp(other->id, c->id) == 0 && strcmp(other->key_id, own) == 0)
            j->again = true;
    }
    memcpy(j->id, c->id, sizeof(j->id));
    if (j->again)
        return 0;
    return sov_claim_sign(j->key, c->payload.p, c->payload.len, &j->line,
                          &j->line_len, NULL, err);
}

/*
 * The claim about the model that is signed once more: what somebody trusted
 * says, if there is such a one; anybody may have added another line.
 */
static int
choose_claim(struct sign_job *j, const struct sov_claim **c,
             struct sov_err *err)
{
    struct sov_verdict v = { .answer = SOV_ANSWER_NONE };
    sov_keyring *ring = NULL;
    int rc = sov_verify_ring(&ring, err);

    if (rc == 0)
        rc = sov_keyring_add(ring, sov_seckey_public(j->key), err);
    if (rc == 0)
        rc = sov_claims_verify(j->claims, ring, j->set.file, j->set.n, &v, err);
    sov_keyring_free(ring);
    if (rc == 0 && v.answer == SOV_ANSWER_YES) {
        *c = v.leaf;
        return 0;
    }
    *c = sov_claims_about(j->claims, j->set.file, j->set.n);
    if (*c != NULL && (rc == 0 || rc == SOV_ENO))
        sov_warn("%s: you sign what key %.16s says of it, which is not trusted "
                 "here; sov-verify --show tells what that is",
                 j->path, (*c)->key_id[0] != '\0' ? (*c)->key_id : "(none)");
    return rc == SOV_ENO ? 0 : rc;
}

static int
make_line(struct sign_job *j, struct sov_err *err)
{
    const struct sov_claim *c = NULL;
    int rc = 0;

    if (j->facts) {
        rc = sov_fileset_hash(&j->set, SOV_HASH_SHA256 | SOV_HASH_VERITY, err);
        if (rc == 0)
            rc = sov_verify_declare(&j->set, j->claims, j->key, &j->line,
                                    &j->line_len, j->id, err);
        j->again = rc > 0;
        return rc < 0 ? rc : 0;
    }
    if (!j->adopt && sov_claims_count(j->claims) > 0) {
        rc = sov_fileset_hash(&j->set, SOV_HASH_SHA256 | SOV_HASH_VERITY, err);
        if (rc == 0)
            rc = choose_claim(j, &c, err);
    }
    if (rc < 0)
        return rc;
    return c != NULL ? countersign(j, c, err) : make_claim(j, err);
}

/* ---- all of it ---- */

static const char *
mode_of(const struct sign_job *j)
{
    return j->adopt ? "adopt" : j->facts ? "facts" : "sign";
}

static int
check_arguments(const struct sign_job *j, int argc, struct sov_err *err)
{
    char mode[10];

    snprintf(mode, sizeof(mode), "--%s", mode_of(j));

    if (argc != 1)
        return sov_fail(err, SOV_EARG, "%s takes one model", mode);
    if (strcmp(j->path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "%s needs a file or a folder, not a stream", mode);
    if (sov_fileset_is_stream(j->path)) /* what is verified is in it */
        return sov_fail(err, SOV_EARG,
                        "%s needs the model itself: take it out of the archive "
                        "with sov-quantize -t copy, and pack it again",
                        mode);
    if (sov_verify.sign_key == NULL)
        return sov_fail(err, SOV_EARG, "%s: --sign-key FILE is missing", mode);
    if (sov_verify.source.n > 1)
        return sov_fail(err, SOV_EARG, "--source: a model comes from one");
    if (!j->adopt && (sov_verify.source.n > 0 || sov_verify.revision != NULL ||
                      sov_verify.licenses.n > 0))
        return sov_fail(err, SOV_EARG,
                        "--source, --revision and --license go with --adopt");
    return 0;
}

/* Claims are signed with Ed25519 alone. */
static int
not_ecdsa(struct sov_err *err)
{
    sov_eckey *key = NULL;
    int rc = sov_eckey_load(&key, sov_verify.sign_key, true, err);

    if (rc == 0 && key != NULL)
        rc = sov_fail(err, SOV_EARG,
                      "--sign-key: %s is a key of ECDSA, which signs %s alone: "
                      "say --format=oms",
                      sov_verify.sign_key, SOV_OMS_NAME);
    sov_eckey_free(key);
    return rc;
}

static int
sign(struct sign_job *j, struct sov_err *err)
{
    bool same;
    int rc = sov_fileset_list(&j->set, j->path, err);

    if (rc == 0)
        rc = sov_sign_name_outputs(j, err);
    if (rc == 0) {
        sov_common.output = j->out[SIGN_CLAIMS]; /* for the make rule */
        rc = sov_tool_check_output(err);
    }
    if (rc == 0)
        rc = not_ecdsa(err);
    if (rc == 0)
        rc = sov_claims_key(&j->key, sov_verify.sign_key, err);
    if (rc < 0)
        return rc;
    /* from here on nobody else adds a line */
    same = sov_verify.claims_out == NULL;
    rc = sov_sign_open(j, SIGN_CLAIMS, same, err);
    if (rc == 0)
        rc = sov_tool_open_rule((const char *const *)j->set.paths, j->set.n,
                                err);
    if (rc == 0)
        rc = sov_verify_claims(&j->claims, &j->claims_in, &j->found, j->path,
                               j->set.dir, err);
    if (rc == 0)
        rc = sov_claims_not_forged(j->claims, j->key, j->path, err);
    if (rc == 0)
        rc = make_line(j, err);
    if (rc < 0 || (j->again && same && !sov_verify.freeze))
        return rc;
    return sov_sign_commit(j, err);
}

static int
tell(const struct sign_job *j, struct sov_err *err)
{
    const struct sov_pubkey *key = sov_seckey_public(j->key);
    struct sov_report *r;
    char name[1000];

    if (sov_common.json) {
        r = sov_report_new("sov.verify/1");
        sov_report_text(r, "mode", NULL, mode_of(j));
        sov_report_text(r, "model", NULL, j->path);
        sov_report_text(r, "claims", NULL, j->out[SIGN_CLAIMS]);
        if (j->index != NULL)
            sov_report_text(r, "index", NULL, j->out[SIGN_INDEX]);
        sov_report_text(r, "claim", NULL, j->id);
        sov_report_text(r, "key_id", NULL, key->id);
        sov_report_bool(r, "added", NULL, !j->again);
        sov_report_bool(r, "frozen", NULL, sov_verify.freeze);
        return sov_report_end(r, err);
    }
    if (sov_common.quiet)
        return 0;
    printf("%s: %s (claim %.16s) by key %.16s\n",
           sov_text_escape(name, sizeof(name), j->path),
           j->again ? "signed already" : "signed", j->id, key->id);
    return 0;
}

static int
run_sign(struct sign_job j, int argc, char **argv, struct sov_err *err)
{
    int rc;

    j.path = argc > 0 ? argv[0] : "";
    rc = check_arguments(&j, argc, err);

    if (rc == 0)
        rc = sign(&j, err);
    if (rc == 0)
        rc = tell(&j, err);
    for (int i = 0; i < SIGN_OUTPUTS; i++) {
        sov_sink_abort(j.sink[i]);
        free(j.out[i]);
    }
    sov_parts_free(&j.parts);
    sov_fileset_free(&j.set);
    sov_claims_free(j.claims);
    sov_seckey_free(j.key);
    free(j.claims_in);
    free(j.index);
    free(j.line);
    return rc;
}

int
sov_verify_adopt(int argc, char **argv, struct sov_err *err)
{
    return run_sign((struct sign_job){ .adopt = true }, argc, argv, err);
}

int
sov_verify_sign(int argc, char **argv, struct sov_err *err)
{
    return run_sign((struct sign_job){ .adopt = false }, argc, argv, err);
}

int
sov_verify_facts(int argc, char **argv, struct sov_err *err)
{
    return run_sign((struct sign_job){ .facts = true }, argc, argv, err);
}
