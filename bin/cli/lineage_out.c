/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage_out.c - the claim about what a tool makes, its index, and their place
 */
#include "cli/lineage.h"
#include "cli/lineage_link.h"

#include "cli/claims.h"
#include "cli/names.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX, CLAIMS };

/* ---- the output, while it is written ---- */

int
sov_lineage_embed(struct sov_lineage *l, sov_meta *meta, struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc;

    if (l->key == NULL)
        return 0;
    rc = sov_claims_ancestry(l->set, NULL, 0, &text, &len, err);
    if (rc == SOV_ENO) /* told when the claim is made */
        rc = sov_claims_text(l->set, &text, &len, err);
    if (rc == 0)
        rc = sov_claims_embed(meta, text, len, err);
    free(text);
    return rc;
}

/* What the index and the claims are called, in a folder or in an archive. */
static int
name_outputs(struct sov_lineage *l, const struct sov_target *t,
             struct sov_err *err)
{
    const char *claims = sov_lineage_options.claims_out;
    bool dir = t->format->folder != NULL;
    const char *model = t->packed && dir    ? t->stem
                        : t->packed         ? sov_plan_file(l->plan, 0)->name
                        : t->folder != NULL ? sov_folder_path(t->folder)
                                            : t->path[0];

    l->packed = t->packed;
    l->to_stdout = strcmp(t->output, "-") == 0;
    if (t->packed || !l->to_stdout) {
        l->out[INDEX] = sov_fileset_beside(model, dir, SOV_INDEX_SUFFIX);
        l->out[CLAIMS] = sov_fileset_beside(model, dir, SOV_CLAIMS_SUFFIX);
        if (l->out[INDEX] == NULL || l->out[CLAIMS] == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (t->packed && l->out[CLAIMS] != NULL) {
        l->member = l->out[CLAIMS];
        l->out[CLAIMS] = NULL;
    }
    if (claims != NULL) {
        free(l->out[CLAIMS]);
        l->out[CLAIMS] = strdup(claims);
        if (l->out[CLAIMS] == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (!sov_common.if_changed || l->out[CLAIMS] == NULL)
        return 0;
    l->before = t->folder != NULL && claims == NULL
                    ? sov_fileset_beside(t->output, dir, SOV_CLAIMS_SUFFIX)
                    : strdup(l->out[CLAIMS]);
    return l->before == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;
}

static bool
is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Files that cannot be written are told before the work. */
static int
open_outputs(struct sov_lineage *l, const struct sov_target *t,
             struct sov_err *err)
{
    const struct sov_sink_opts o = {
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .inputs = t->inputs,
        .n_inputs = t->n_inputs,
    };
    const char *claims;
    int rc = name_outputs(l, t, err);

    if (rc == 0 && l->out[INDEX] != NULL && !l->packed)
        rc = sov_sink_open(&l->sink[INDEX], l->out[INDEX], &o, err);
    claims = l->out[CLAIMS];
    if (rc == 0 && claims != NULL &&
        (access(claims, F_OK) != 0 || sov_fileset_is_regular(claims) ||
         is_folder(claims)))
        rc = sov_sink_open(&l->sink[CLAIMS], claims, &o, err);
    return rc;
}

/* An archive that goes to a pipe begins with the history that is known. */
static int
pack_first(struct sov_lineage *l, struct sov_target *t, struct sov_err *err)
{
    int rc = sov_claims_text(l->set, &l->first, &l->first_len, err);

    if (rc < 0 || l->first_len == 0)
        return rc;
    return sov_target_side(t, "sov/ancestors.jsonl", l->first, l->first_len,
                           err);
}

int
sov_lineage_output(struct sov_lineage *l, const sov_plan *plan,
                   struct sov_target *t, struct sov_err *err)
{
    size_t n = sov_plan_files(plan), n_tensors = sov_plan_count(plan);
    struct sov_index_tensor *tensor;
    const char **name;
    int rc = 0;

    if (l->key == NULL)
        return 0;
    l->plan = plan;
    tensor = calloc(n_tensors + 1, sizeof(*tensor));
    name = calloc(n + 1, sizeof(*name));
    if (tensor == NULL || name == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++)
        name[i] = sov_plan_file(plan, i)->name;
    for (size_t i = 0; i < n_tensors && rc == 0; i++) {
        tensor[i].name = sov_plan_at(plan, i)->name;
        tensor[i].digest.size = sov_plan_at(plan, i)->size;
        sov_plan_place(plan, i, &tensor[i].file, &tensor[i].off);
    }
    if (rc == 0)
        rc = sov_parts_new(&l->parts, name, n, tensor, n_tensors, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        sov_sink_hash(t->sink[i], l->parts.hasher[i]);
    if (rc == 0)
        rc = open_outputs(l, t, err);
    if (rc == 0 && t->packed && !t->sides_first)
        rc = pack_first(l, t, err);
    free(tensor);
    free(name);
    return rc;
}

/* ---- the claim ---- */

/* The content root of the output, where its tensors are those of one GGUF
 * file. */
static int
content_root(const struct sov_lineage *l, unsigned char *root,
             struct sov_err *err)
{
    size_t n = sov_plan_count(l->plan);
    const struct sov_tensor **tensor;
    struct sov_digest *digest;
    const char *name = l->parts.file[0].name;
    size_t len = strlen(name);
    int rc = 0;

    if (l->parts.n != 1 || len < 5 || strcmp(name + len - 5, ".gguf") != 0)
        return 1;
    tensor = calloc(n + 1, sizeof(*tensor));
    digest = calloc(n + 1, sizeof(*digest));
    if (tensor == NULL || digest == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        tensor[i] = sov_plan_at(l->plan, i);
        digest[i] = l->parts.tensor[i].digest;
    }
    if (rc == 0)
        rc = sov_content_root(sov_plan_meta_of(l->plan), tensor, digest, n,
                              root, err);
    free(tensor);
    free(digest);
    return rc == SOV_EUNSUP ? 1 : rc;
}

/* Everything is at hand: say it. */
static int
make_statement(struct sov_lineage *l, const struct sov_deed *deed,
               struct sov_statement *st, char **line, size_t *len,
               struct sov_err *err)
{
    char build[120], builder[120];
    struct sov_param version = {
        "sov", SOV_PARAM_STR, sov_version(), 0, NULL, 0
    };
    struct sov_resource beside[2] = { { 0 } };
    size_t n = 0;

    snprintf(build, sizeof(build), "urn:sov:buildtype:%s:v1", deed->name);
    snprintf(builder, sizeof(builder), "urn:sov:builder:%s:v1",
             sov_tool_name());
    st->build_type = build;
    st->builder = builder;
    st->version = &version;
    st->n_versions = 1;
    st->external = deed->external;
    st->n_external = deed->n_external;
    st->internal = deed->internal;
    st->n_internal = deed->n_internal;
    if (st->n_extra == 0) { /* else as the claim had it that may stay */
        st->extra = deed->extra;
        st->n_extra = deed->n_extra;
    }
    if (l->out[INDEX] != NULL) {
        beside[n].role = "index";
        beside[n].name = sov_name_base(l->out[INDEX]);
        beside[n].digest.has = SOV_HASH_SHA256;
        sov_sha256(l->index, l->index_len, beside[n++].digest.sha256);
    }
    if (deed->beside != NULL)
        beside[n++] = *deed->beside;
    st->byproduct = beside;
    st->n_byproducts = n;
    return sov_claim_make(st, l->key, line, len, NULL, err);
}

/* Is every line of part in all? */
static bool
has_lines(const char *all, size_t len, const char *part, size_t part_len)
{
    const char *end;

    for (; part_len > 0; part_len -= (size_t)(end - part), part = end) {
        end = memchr(part, '\n', part_len);
        end = end != NULL ? end + 1 : part + part_len;
        if (memmem(all, len, part, (size_t)(end - part)) == NULL)
            return false;
    }
    return true;
}

/*
 * --if-changed: the claims that are there say all this already, and only the
 * time and what it took are others?  Then they stay, with what others have
 * signed since.
 */
static int
keep_claims(struct sov_lineage *l, const struct sov_deed *deed,
            struct sov_statement *st, struct sov_err *err)
{
    const char *mine = sov_seckey_public(l->key)->id;
    struct sov_err ignored = { 0 };
    sov_claims *old = NULL;
    char *text = NULL, *line;
    size_t text_len = 0, len;
    bool same = false;
    int rc = 0;

    if (l->before == NULL || !sov_fileset_is_regular(l->before))
        return 0;
    if (sov_claims_new(&old, &ignored) == 0 &&
        sov_claims_load(old, l->before, -1, &ignored) == 0)
        rc = sov_claims_text(old, &text, &text_len, err);
    for (size_t i = 0; rc == 0 && text != NULL && !same; i++) {
        const struct sov_claim *c;

        if (i == sov_claims_count(old))
            break;
        c = sov_claims_at(old, i);
        if (strcmp(c->key_id, mine) != 0)
            continue;
        st->started = c->statement.started;
        st->finished = c->statement.finished;
        st->extra = c->statement.extra;
        st->n_extra = c->statement.n_extra;
        rc = make_statement(l, deed, st, &line, &len, err);
        if (rc < 0)
            break;
        same = len == c->text.len + 1 &&
               memcmp(line, c->text.p, c->text.len) == 0 &&
               has_lines(text, text_len, l->text, l->text_len);
        free(line);
    }
    sov_claims_free(old);
    if (same) {
        free(l->text);
        l->text = text;
        l->text_len = text_len;
    } else {
        free(text);
    }
    return rc < 0 ? rc : same;
}

static int
append(struct sov_lineage *l, const char *line, size_t len, struct sov_err *err)
{
    char *text = realloc(l->text, l->text_len + len + 1);

    if (text == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    memcpy(text + l->text_len, line, len);
    l->text = text;
    l->text_len += len;
    return 0;
}

static int
write_out(struct sov_lineage *l, int which, const void *bytes, size_t len,
          struct sov_err *err)
{
    return l->sink[which] != NULL
               ? sov_sink_write(l->sink[which], bytes, len, err)
               : 0;
}

int
sov_lineage_claim(struct sov_lineage *l, const struct sov_deed *deed,
                  struct sov_err *err)
{
    static const struct sov_param unverified = {
        "sov_unverified", SOV_PARAM_BOOL, NULL, 1, NULL, 0
    };
    struct sov_statement st = { 0 };
    struct sov_resource *subject = NULL, *input = NULL;
    struct sov_param *label = NULL;
    unsigned char root[SOV_SHA256_LEN];
    char *line = NULL;
    size_t len = 0;
    int rooted = 1;
    int rc;

    if (l->key == NULL)
        return 0;
    rc = sov_parts_final(&l->parts, err);
    if (rc == 0)
        rc = sov_parts_index(&l->parts, &l->index, &l->index_len, err);
    if (rc == 0)
        rc = sov_lineage_origins(l, deed, err);
    if (rc == 0)
        rc = sov_lineage_ancestors(l, err);
    if (rc == 0)
        rc = rooted = content_root(l, root, err);
    if (rc >= 0)
        rc = sov_claims_subjects(&l->parts, rooted == 0 ? root : NULL, &subject,
                                 err);
    st.subject = subject;
    st.n_subjects = l->parts.n;
    if (rc == 0)
        rc = sov_lineage_describe(l, deed, &unverified, &input,
                                  &st.n_dependencies, err);
    st.dependency = input;
    if (rc == 0)
        rc = sov_lineage_labels(l, &st, &label, err);
    if (rc == 0)
        rc = keep_claims(l, deed, &st, err);
    st.n_extra = 0;
    if (rc == 0) {
        st.started = l->started;
        st.finished = sov_claims_now();
        rc = make_statement(l, deed, &st, &line, &len, err);
    }
    if (rc == 0)
        rc = append(l, line, len, err);
    if (rc > 0)
        rc = 0;
    if (rc == 0)
        rc = write_out(l, INDEX, l->index, l->index_len, err);
    if (rc == 0)
        rc = write_out(l, CLAIMS, l->text, l->text_len, err);
    free(line);
    free(subject);
    free(input);
    free(label);
    return rc;
}

/* ---- the end ---- */

static bool
is_inside(const char *path, const sov_folder *folder)
{
    const char *top = sov_folder_path(folder);
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && path[n] == '/';
}

/* Lines of the claims that did not go before the model. */
static int
pack_leaf(struct sov_lineage *l, struct sov_target *t, struct sov_err *err)
{
    char *rest = malloc(l->text_len + 1), *at = l->text;
    size_t len = 0;
    int rc;

    if (rest == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    while (at < l->text + l->text_len) {
        char *end = memchr(at, '\n', (size_t)(l->text + l->text_len - at));
        size_t n = end != NULL ? (size_t)(end - at) + 1
                               : (size_t)(l->text + l->text_len - at);

        if (l->first_len == 0 ||
            memmem(l->first, l->first_len, at, n) == NULL) {
            memcpy(rest + len, at, n);
            len += n;
        }
        at += n;
    }
    rc = sov_target_side(t, "sov/leaf.jsonl", rest, len, err);
    free(rest);
    return rc;
}

int
sov_lineage_give(struct sov_lineage *l, struct sov_target *t,
                 struct sov_err *err)
{
    int rc;

    if (l->key == NULL)
        return 0;
    if (l->packed) { /* the claims first: a receiver checks as he reads */
        rc = t->sides_first
                 ? sov_target_side(t, l->member, l->text, l->text_len, err)
                 : pack_leaf(l, t, err);
        return rc < 0 ? rc
                      : sov_target_side(t, l->out[INDEX], l->index,
                                        l->index_len, err);
    }
    if (l->to_stdout || (sov_common.if_changed && t->folder == NULL))
        return 0; /* the model must be there first, or may stay as it is */
    for (int i = 0; i < 2; i++)
        if (l->sink[i] != NULL &&
            (t->folder == NULL || is_inside(l->out[i], t->folder))) {
            t->more[t->n_more++] = l->sink[i];
            l->sink[i] = NULL;
            l->done[i] = true;
        }
    return 0;
}

/* The reader of the model waits for its end before it asks for claims. */
static int
close_stdout(struct sov_err *err)
{
    if (fflush(stdout) != 0 || close(STDOUT_FILENO) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "standard output");
    (void)!open("/dev/null", O_WRONLY); /* is descriptor 1 now */
    return 0;
}

/*
 * The claims go where somebody waits for them.  Of a fifo our own reading end
 * must be gone first, so that opening it waits for a reader, but not before
 * there is another writing end: a reader would take that for the end.
 */
static int
open_late(struct sov_lineage *l, struct sov_err *err)
{
    int keep = -1;
    int rc;

    if (l->fifo >= 0) {
        keep = open(l->out[CLAIMS], O_WRONLY | O_CLOEXEC);
        if (keep < 0)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s", l->out[CLAIMS]);
        close(l->fifo);
        l->fifo = -1;
    }
    rc = sov_sink_open(&l->sink[CLAIMS], l->out[CLAIMS], NULL, err);
    if (keep >= 0)
        close(keep);
    return rc;
}

int
sov_lineage_commit(struct sov_lineage *l, struct sov_err *err)
{
    int rc = 0;

    if (l->key == NULL)
        return 0;
    if (l->to_stdout)
        rc = close_stdout(err);
    if (rc == 0 && l->sink[INDEX] != NULL)
        rc = sov_sink_commit(&l->sink[INDEX], err);
    if (rc == 0 && l->sink[CLAIMS] == NULL && !l->done[CLAIMS] &&
        l->out[CLAIMS] != NULL) {
        rc = open_late(l, err);
        if (rc == 0)
            rc = write_out(l, CLAIMS, l->text, l->text_len, err);
    }
    if (rc == 0 && l->sink[CLAIMS] != NULL)
        rc = sov_sink_commit(&l->sink[CLAIMS], err);
    return rc;
}

void
sov_lineage_end(struct sov_lineage *l)
{
    for (int i = 0; i < 2; i++) {
        sov_sink_abort(l->sink[i]);
        free(l->out[i]);
    }
    free(l->also);
    free(l->member);
    free(l->beside);
    free(l->before);
    free(l->first);
    if (l->claims_fd > 0)
        close(l->claims_fd);
    if (l->fifo > 0)
        close(l->fifo);
    sov_early_end(&l->early);
    sov_parts_free(&l->parts);
    sov_fileset_free(&l->rest);
    sov_claims_free(l->set);
    sov_policy_free(l->policy);
    sov_seckey_free(l->key);
    free(l->file);
    free(l->index);
    free(l->text);
    *l = (struct sov_lineage){ 0 };
}
