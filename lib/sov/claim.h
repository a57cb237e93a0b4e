/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - signed statements about where a model comes from
 *
 *   MODEL.claims.jsonl     one line a claim, ancestors first
 *     line                 a sigstore bundle v0.3, one signature
 *       DSSE envelope      payload in base64, its type, who signed
 *         payload          an in-toto Statement v1: files with their digests
 *           predicate      SLSA provenance v1: made how, from what, by what;
 *                          or the result of a test, v0.1; or what people
 *                          declare of it (facts.h); or a summary of what a
 *                          verifier found, v1
 *
 * The id of a claim is the SHA-256 of its payload, in hex; so two people who
 * sign one payload sign one claim.  A claim names the claims of what it was
 * made from by their ids, which makes a chain nobody can drop a link of.
 *
 * How it is used:
 *
 *   sov_claims_new            an empty set
 *   sov_claims_read           every line of MODEL.claims.jsonl
 *   sov_claims_read_meta      and those embedded in the model
 *   sov_claims_verify         is this model what a believed key says it is?
 *
 *   sov_claim_make            a signed line out of a statement
 *   sov_claims_ancestry       the lines to put before it and to embed
 *
 * A signature is never believed because it is there: only a key of the ring
 * that the caller hands in makes a claim count.
 */
#ifndef SOV_CLAIM_H
#define SOV_CLAIM_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/key.h"
#include "sov/meta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the lines of all ancestors stand in a GGUF file (a string). */
#define SOV_LINEAGE_KEY "sov.lineage.claims"
/* What is behind the name of a model in the name of its claims. */
#define SOV_CLAIMS_SUFFIX ".claims.jsonl"

/* ---- what a statement says; the same to read it and to make it ---- */

enum sov_param_kind {
    SOV_PARAM_STR,  /* str */
    SOV_PARAM_INT,  /* num, between -(2^53 - 1) and 2^53 - 1 */
    SOV_PARAM_BOOL, /* num, 0 or 1 */
    SOV_PARAM_LIST, /* item[n], their keys are NULL */
    SOV_PARAM_MAP,  /* item[n], with keys */
    /* Of others' statements only; no maker takes these. */
    SOV_PARAM_REAL, /* str: as it stands there */
    SOV_PARAM_NULL,
};

/* A parameter, or any other value of a statement. */
struct sov_param {
    const char *key; /* printable ASCII when made */
    enum sov_param_kind kind;
    const char *str;
    int64_t num;
    const struct sov_param *item;
    size_t n;
};

/* A file, a program or anything else with a digest. */
struct sov_resource {
    const char *name;  /* path inside the model's folder, or a word; or NULL */
    const char *uri;   /* or NULL */
    const char *media; /* media type, or NULL */
    struct sov_digest digest; /* has: SHA256, VERITY; size if has_size */
    bool has_size;
    bool has_root; /* content root, see index.h */
    unsigned char root[SOV_SHA256_LEN];
    /* Of dependencies: parent, tool, imatrix, calibration, adapter, dataset,
     * tokenizer, ...; of byproducts: index, log, ...; or NULL. */
    const char *role;
    const char *claim;               /* id of the claim about it, or NULL */
    const struct sov_param *digests; /* of other kinds: key, hex */
    size_t n_digests;
    const struct sov_param *notes; /* other annotations */
    size_t n_notes;
};

#define SOV_PREDICATE_PROVENANCE "https://slsa.dev/provenance/v1"
#define SOV_PREDICATE_TEST       "https://in-toto.io/attestation/test-result/v0.1"
#define SOV_PREDICATE_FACTS      "urn:sov:attestation:facts:v1"
#define SOV_PREDICATE_SUMMARY    "https://slsa.dev/verification_summary/v1"

/* Who finds, for a summary, that a claim was done once more, and at which
 * levels: all tensors, or some. */
#define SOV_RECOMPUTE_VERIFIER "urn:sov:verifier:recompute:v1"
#define SOV_RECOMPUTED_ALL     "SOV_RECOMPUTED_ALL"
#define SOV_RECOMPUTED_SAMPLE  "SOV_RECOMPUTED_SAMPLE"

/* How a test ended, each of them and all together. */
enum sov_test { SOV_TEST_PASSED, SOV_TEST_WARNED, SOV_TEST_FAILED, SOV_TESTS };

/*
 * Fields that are NULL, 0 or empty are not said.  Which of those below
 * predicate_type there are depends on it; of statements of other types than
 * those above nothing but the subjects is read.
 */
struct sov_statement {
    const struct sov_resource *subject; /* the files of the model */
    size_t n_subjects;
    const char *predicate_type; /* NULL when made: provenance */

    const char *build_type;           /* "urn:sov:buildtype:quantize:v1" */
    const struct sov_param *external; /* what the user chose */
    size_t n_external;
    const struct sov_param *internal; /* what the machine added */
    size_t n_internal;
    const struct sov_resource *dependency; /* what went in */
    size_t n_dependencies;

    const char *builder;             /* "urn:sov:builder:sov-quantize:v1" */
    const struct sov_param *version; /* of the builder: key, string */
    size_t n_versions;
    const char *invocation; /* NULL when made: follows from the rest */
    int64_t started;        /* seconds since 1970 */
    int64_t finished;
    const struct sov_resource *byproduct; /* the index, logs */
    size_t n_byproducts;

    /* key, list of strings; see below.  Of facts: licence and jurisdiction */
    const struct sov_param *label;
    size_t n_labels;

    /* of a test: what it was made with, and the names of tests by how they
     * ended; when it did is in `finished` */
    enum sov_test result;
    const struct sov_resource *configuration;
    size_t n_configuration;
    const char *url;
    struct sov_param test[SOV_TESTS]; /* item[n], their keys are NULL */

    const struct sov_param *extra; /* other sov_... members of the predicate */
    size_t n_extra;

    /* of facts: key, list of strings; when they were declared is in
     * `finished`.  A summary has its result and time as a test does; who found
     * it in `builder`, the levels that were reached in test[SOV_TEST_PASSED],
     * and the claims that were looked at in `configuration`. */
    const struct sov_param *fact;
    size_t n_facts;
};

/* Is it the result of a test?  Does it say where the files come from?  Is it
 * what people declare? */
SOV_API bool sov_statement_is_test(const struct sov_statement *st);
SOV_API bool sov_statement_is_provenance(const struct sov_statement *st);
SOV_API bool sov_statement_is_facts(const struct sov_statement *st);
/* ... the summary of a verifier? */
SOV_API bool sov_statement_is_summary(const struct sov_statement *st);

/* "PASSED", "WARNED", "FAILED" */
SOV_API const char *sov_test_word(enum sov_test result);

/* ---- a set of claims ---- */

/* How a signature looks to the holder of a key ring. */
enum sov_trust {
    SOV_TRUST_UNKNOWN, /* not checked, or by a key the ring does not name */
    SOV_TRUST_DENIED,  /* by a key that is revoked, expired or not yet valid */
    SOV_TRUST_BAD,     /* the key is named, and the signature is not its */
    SOV_TRUST_GOOD,
};

/* One line. */
struct sov_claim {
    char id[65];             /* SHA-256 of the payload, hex */
    char key_id[65];         /* of the signer as the line says, hex; "" where a
                               foreign envelope does not say */
    bool bundle;             /* else a bare DSSE envelope */
    bool embedded;           /* was in the model (it may be in the file, too) */
    unsigned line;           /* where it stood first, from 1 */
    struct sov_span text;    /* the line as it is, without the newline */
    struct sov_span payload; /* the signed bytes: JSON text */
    struct sov_statement statement; /* of the payload */
    enum sov_trust trust;           /* what sov_claims_check() found last */
    char signer[128];               /* name of the key in the ring, if GOOD, for
                               people; may be "" */
};

typedef struct sov_claims sov_claims;

SOV_API int sov_claims_new(sov_claims **set,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_claims_free(sov_claims *set);

/*
 * Read every line of text.  A line that was there before, byte for byte, is
 * dropped.  where ("m.gguf.claims.jsonl") begins the error messages.
 *
 * SOV_EFORMAT for anything but whole lines of the form above, in at most
 * 1,024 lines of 16 MiB, 64 MiB in all, JSON 32 deep: an unknown or duplicate
 * member of a bundle, another number of signatures than one, base64 that is
 * not canonical, invalid UTF-8, a missing newline at the end, a payload that
 * is not a statement, one key with two different signatures under one claim.
 * To a verifier this is a no (SOV_ENO); the set is as it was before.
 *
 * Bare DSSE envelopes of others are taken, too, one line each, also with
 * URL-safe base64.
 */
SOV_API int sov_claims_read(sov_claims *set, const void *text, size_t len,
                            const char *where,
                            struct sov_err *err) SOV_MUST_CHECK;

/* The lines embedded in a model; 1 if there are none. */
SOV_API int sov_claims_read_meta(sov_claims *set, const sov_meta *meta,
                                 struct sov_err *err) SOV_MUST_CHECK;

/* In the order in which they were read.  Borrowed until the next read. */
SOV_API size_t sov_claims_count(const sov_claims *set);
SOV_API const struct sov_claim *sov_claims_at(const sov_claims *set, size_t i);

/* The first line that has this id and the best trust; NULL: none has it. */
SOV_API const struct sov_claim *sov_claims_find(const sov_claims *set,
                                                const char *id);

/* Check every signature and set trust and signer; ring NULL: none is known.
 * No answer by itself: look at the lines, or ask sov_claims_verify(). */
SOV_API int sov_claims_check(sov_claims *set, const sov_keyring *ring,
                             struct sov_err *err) SOV_MUST_CHECK;

/* ---- is this model what is claimed? ---- */

/* A file of the model as it is. */
struct sov_claim_file {
    const char *name; /* as in the model's folder; the last part of the path
                          for a model of one file; NULL: not known (a pipe) */
    bool any_name;    /* a model of one file may have been renamed */
    struct sov_digest digest; /* SHA256, VERITY or both, and the size */
    bool has_root;            /* the content root was computed, too */
    unsigned char root[SOV_SHA256_LEN];
};

/* Why, in the order of what is looked at first.  0 is no yes. */
enum sov_answer {
    SOV_ANSWER_NONE, /* nothing was answered yet */
    SOV_ANSWER_YES,
    SOV_ANSWER_BAD_SIG,  /* a line has a bad signature by a known key */
    SOV_ANSWER_NO_CLAIM, /* no claim is about these files or their names */
    SOV_ANSWER_BYTES,    /* a claim is about this name, with other bytes */
    SOV_ANSWER_FILES,    /* a file is missing, extra or renamed */
    SOV_ANSWER_UNKNOWN,  /* claimed, but only by keys nobody named */
    SOV_ANSWER_DENIED,   /* claimed, but by a key revoked or expired */
    SOV_ANSWER_CHAIN,    /* a claim it points to is missing or about
                              something else, or the chain has a circle */
    SOV_ANSWER_LABELS,   /* a label of an ancestor was dropped */
    SOV_ANSWER_POLICY,   /* all of that is well, and a policy refuses it */
};

/*
 * What was found.  Pointers are into the set and the files given.
 *
 * The claim about the model itself (the leaf) alone decides, with everything
 * it points to being there and about the right digests.  Ancestors are bound
 * by their ids, so nobody can change them without the leaf's signer; but who
 * signed them is a question of its own.  One signed by a key the ring does
 * not name is counted as unvouched, and whoever demands a history that is
 * vouched for completely asks for n_vouched == n_chain.
 */
struct sov_verdict {
    enum sov_answer answer;
    const struct sov_claim *leaf; /* about the model; on BYTES and FILES the
                                     one that comes nearest, if any */
    const struct sov_claim *at;   /* the claim that the answer is about */
    const char *file;     /* BYTES, FILES: which one (leaf's or model's) */
    size_t file_index;    /* ... in the files given, or SIZE_MAX */
    size_t n_signers;     /* different believed keys under the leaf */
    size_t n_chain;       /* claims reached from the leaf, itself included */
    size_t n_vouched;     /* ... with a good signature by a key of the ring */
    size_t depth;         /* longest way from the leaf to a root; 0: none */
    size_t n_lines;       /* of the set: all, */
    size_t n_unknown;     /* ... by keys not named, */
    size_t n_denied;      /* ... by keys not believed any more */
    const char *policy;   /* POLICY: its name, */
    unsigned policy_line; /* ... and the line of it that refuses */
};

/*
 * Check signatures, then the files, then the chain.  Every file of the model
 * must be given: the set of names must be that of the claim, every digest and
 * size known on both sides must be equal, and SHA256 or VERITY be among them.
 *
 * 0 and SOV_ANSWER_YES, or SOV_ENO with the reason in the verdict and one
 * line in err; any other failure leaves SOV_ANSWER_NONE.
 */
SOV_API int sov_claims_verify(sov_claims *set, const sov_keyring *ring,
                              const struct sov_claim_file *file, size_t n,
                              struct sov_verdict *v,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * The claim about these files by what it says, whoever signed it; NULL if
 * there is none.  For finding the parents of what a tool makes, and nothing
 * that trusts.  Of several the last one.
 */
SOV_API const struct sov_claim *
sov_claims_about(const sov_claims *set, const struct sov_claim_file *file,
                 size_t n);

/* Are its subjects these files, whatever it says of them, and whoever signed
 * it? */
SOV_API bool sov_claim_is_of(const struct sov_claim *claim,
                             const struct sov_claim_file *file, size_t n);

/* Does the claim name these bytes (by SHA-256) as a byproduct of this role?
 * So the index of a model is bound: role "index". */
SOV_API bool sov_claim_names(const struct sov_claim *claim, const char *role,
                             const unsigned char sha256[SOV_SHA256_LEN]);

/* ---- making claims ---- */

/*
 * The signed bytes: canonical JSON (RFC 8785, integers only).  The same
 * statement gives the same bytes.  SOV_EARG for what cannot be said: a name
 * that is not UTF-8, a key not in ASCII, a subject without a SHA-256.
 * free() it.
 */
SOV_API int sov_statement_text(const struct sov_statement *st, char **text,
                               size_t *len, struct sov_err *err) SOV_MUST_CHECK;

/* A line out of a payload, newline included; free() it.  id may be NULL. */
SOV_API int sov_claim_sign(const sov_seckey *key, const void *payload,
                           size_t len, char **line, size_t *line_len,
                           char id[65], struct sov_err *err) SOV_MUST_CHECK;

/* Both at once. */
SOV_API int sov_claim_make(const struct sov_statement *st,
                           const sov_seckey *key, char **line, size_t *line_len,
                           char id[65], struct sov_err *err) SOV_MUST_CHECK;

/*
 * The lines of these claims (NULL: of all) and of all they point to, verbatim,
 * ancestors first, each with its newline: what is written before a new line,
 * and embedded in a model.  A claim that is pointed to and missing is SOV_ENO.
 * free() it; NUL-terminated.  Nothing is the empty text.
 */
SOV_API int sov_claims_ancestry(const sov_claims *set, const char *const *id,
                                size_t n, char **text, size_t *len,
                                struct sov_err *err) SOV_MUST_CHECK;

/* Embed such a text in a model in the making; an empty one takes the key
 * away. */
SOV_API int sov_claims_embed(sov_meta *meta, const char *text, size_t len,
                             struct sov_err *err) SOV_MUST_CHECK;

/*
 * Labels (licence, jurisdiction, ...) are inherited: what is made has every
 * value of every label of what it was made from.  The union of own labels and
 * those of the claims with these ids, sorted; one block, free() it.  The
 * strings are borrowed.
 */
SOV_API int sov_claims_labels(const sov_claims *set, const char *const *id,
                              size_t n, const struct sov_param *own,
                              size_t n_own, struct sov_param **label,
                              size_t *n_labels,
                              struct sov_err *err) SOV_MUST_CHECK;

#endif
