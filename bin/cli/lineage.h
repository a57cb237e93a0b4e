/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage.h - a tool between a model that is claimed and one that it claims
 *
 *     sov_lineage_begin(&l, source, ...);      the key, the policy
 *     open the model with sov_lineage_opts(&l, &opts)
 *     sov_lineage_input(&l, model, err);       the claims that are there now
 *     sov_lineage_also(&l, path, err);         those of what else is read
 *     plan, with sov_lineage_embed() on the output's metadata
 *     sov_lineage_output(&l, plan, target, err); digests while it is written
 *     run
 *     sov_lineage_check(&l, err);              is the input what is claimed?
 *     sov_lineage_claim(&l, &what, err);       the claim of the output
 *     sov_lineage_give(&l, target, err);       index and claims
 *     commit the target
 *     sov_lineage_commit(&l, err);             what could not go with it
 *     sov_lineage_end(&l);
 *
 * Without --sign-key and --require-claims each of these does nothing.
 *
 * In a pipe the claims of the input come after the model, through --claims, a
 * fifo or descriptor that is read when the model has been read to its end; and
 * --claims-out is written when the model has been written and standard output
 * closed.  So two tools never wait for each other.
 */
#ifndef SOV_CLI_LINEAGE_H
#define SOV_CLI_LINEAGE_H

#include "cli/early.h"
#include "cli/fileset.h"
#include "cli/opt.h"
#include "cli/parts.h"
#include "cli/password.h"
#include "cli/target.h"
#include "sov/claim.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/key.h"
#include "sov/model.h"
#include "sov/policy.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line said. */
struct sov_lineage_options {
    const char *sign_key;
    const char *claims;
    const char *claims_out;
    const char *require;
};

extern struct sov_lineage_options sov_lineage_options;

/* The rows of a tool that signs what it makes. */
#define SOV_LINEAGE_ROWS                                    \
    { .type = SOV_OPT_GROUP, .help = "Claims" },            \
        { 0,                                                \
          "sign-key",                                       \
          SOV_OPT_FILE,                                     \
          &sov_lineage_options.sign_key,                    \
          "FILE",                                           \
          "sign a claim about OUT with this secret key" },  \
        { 0,                                                \
          "claims-out",                                     \
          SOV_OPT_FILE,                                     \
          &sov_lineage_options.claims_out,                  \
          "FILE",                                           \
          "write the claims to FILE, when OUT is complete", \
          .preset = "OUT.claims.jsonl" },                   \
        SOV_PASSWORD_ROW, SOV_REQUIRE_ROWS

/* The rows of a tool that may refuse what it reads. */
#define SOV_REQUIRE_ROWS                                  \
    { 0,                                                  \
      "claims",                                           \
      SOV_OPT_FILE,                                       \
      &sov_lineage_options.claims,                        \
      "FILE",                                             \
      "the claims of MODEL, if they are not beside it" }, \
        SOV_REQUIRE_ROW

/* ... whose --claims is something else. */
#define SOV_REQUIRE_ROW                                                  \
    {                                                                    \
        0, "require-claims", SOV_OPT_FILE, &sov_lineage_options.require, \
            "POLICY", "refuse a MODEL that this policy does not allow"   \
    }

struct sov_lineage {
    const char *source; /* the model's name on the command line */
    const char *claims; /* of --claims, or NULL: those beside it */
    unsigned hash;      /* what to open the model with; 0: nothing to do */
    const char *role;   /* of the model in the claim; NULL: "parent" */

    sov_seckey *key;
    sov_policy *policy; /* of --require-claims */
    struct sov_early early;

    sov_model *model;            /* borrowed */
    sov_claims *set;             /* of the input */
    bool late;                   /* --claims is still to be read */
    int claims_fd;               /* of it, if it is a fifo; or -1 */
    struct sov_claim_file *file; /* the input as it is */
    size_t n_files;
    struct sov_fileset rest; /* files of a folder that no tool reads */
    bool verified;           /* a trusted key says so */
    bool checked;            /* sov_lineage_check() has said yes */
    const struct sov_claim *parent;
    /* others that the new claim points to: facts about the input, and where
     * the other inputs come from; owned, the claims are the set's */
    const struct sov_claim **also;
    size_t n_also;

    char *beside; /* where claims of the source would be */

    const sov_plan *plan; /* borrowed */
    struct sov_parts parts;
    int64_t started;
    char *out[2]; /* index, claims */
    sov_sink *sink[2];
    bool done[2]; /* given away by sov_lineage_give() */
    bool to_stdout;
    bool packed;
    char *before; /* --if-changed: where the claims would be that are there */
    char *member; /* name of the claims in the archive */
    int fifo;     /* our end of --claims-out, if it is one; or -1 */
    char *first;  /* claims that went before the model, in an archive */
    size_t first_len;
    void *index;
    size_t index_len;
    char *text; /* of the claims */
    size_t text_len;
};

/* What a tool did, for sov_lineage_claim(). */
struct sov_deed {
    const char *name; /* "quantize" */
    const struct sov_param *external;
    size_t n_external;
    const struct sov_param *internal;
    size_t n_internal;
    const struct sov_resource *input; /* other than the model */
    size_t n_inputs;
    const struct sov_resource *beside; /* what else it made, or NULL */
    const struct sov_param *extra;     /* what it took (effort.h), or NULL */
    size_t n_extra;
};

/* An input of it: a file with what it is for, and what it is. */
void sov_deed_file(struct sov_resource *r, const char *path, const char *role,
                   const struct sov_digest *is);

/* The name of the input for messages. */
const char *sov_lineage_source(const struct sov_lineage *l);

/* Files that are read beside the model, as inputs: 3 at most. */
size_t sov_lineage_inputs(struct sov_lineage *l, const char **input);
/* packed: the output is an archive, which takes the claims with it. */
int sov_lineage_begin(struct sov_lineage *l, const char *source, bool packed,
                      struct sov_err *err) SOV_MUST_CHECK;
/*
 * The same of what is read beside the model: the policy holds for it, too, its
 * claims lie beside it, and it signs nothing.  sov_lineage_opts(), input() and
 * check() follow.
 */
int sov_lineage_begin_beside(struct sov_lineage *l, const char *source,
                             struct sov_err *err) SOV_MUST_CHECK;
/* How to open the input: hashed, and given up early where it can be. */
void sov_lineage_opts(struct sov_lineage *l, struct sov_model_opts *opts);
/* A no while it was read is a refusal, if claims were required. */
int sov_lineage_refuse(const struct sov_lineage *l, int rc,
                       struct sov_err *err);
int sov_lineage_input(struct sov_lineage *l, sov_model *model,
                      struct sov_err *err) SOV_MUST_CHECK;
/* What is read beside the model may have a history, too, in a file of claims
 * beside it: the claim of the output points to it.  Behind input(). */
int sov_lineage_also(struct sov_lineage *l, const char *path,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_lineage_embed(struct sov_lineage *l, sov_meta *meta,
                      struct sov_err *err) SOV_MUST_CHECK;
int sov_lineage_output(struct sov_lineage *l, const sov_plan *plan,
                       struct sov_target *target,
                       struct sov_err *err) SOV_MUST_CHECK;
/* Before the run, where --require-claims can be answered then: of what can be
 * read twice. */
int sov_lineage_check_first(struct sov_lineage *l,
                            struct sov_err *err) SOV_MUST_CHECK;
int sov_lineage_check(struct sov_lineage *l,
                      struct sov_err *err) SOV_MUST_CHECK;
int sov_lineage_claim(struct sov_lineage *l, const struct sov_deed *deed,
                      struct sov_err *err) SOV_MUST_CHECK;
/* Give index and claims to the target, to be committed with the model. */
int sov_lineage_give(struct sov_lineage *l, struct sov_target *target,
                     struct sov_err *err) SOV_MUST_CHECK;
/* What was not; after the model. */
int sov_lineage_commit(struct sov_lineage *l,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_lineage_end(struct sov_lineage *l);

#endif
