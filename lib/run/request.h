/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - the forms in which requests are written, for their files
 *
 * A dialect is one way to write a request and its answer: a file, and a row of
 * dialects.def.  Each has tables of the members that its lines may have; what
 * is not in them is refused.
 */
#ifndef SOV_RUN_REQUEST_H
#define SOV_RUN_REQUEST_H

#include "base/json.h"
#include "sov/request.h"

struct sov_dialect;

struct sov_request {
    const struct sov_dialect *dialect;
    json_t *json; /* an object; NULL before it is read, and once settled */
    json_t *name; /* its id, owned, or NULL */
    char *id;     /* the same as text */
    enum sov_request_kind kind;

    /* What the answer has of the request. */
    char *model; /* owned, or NULL: that it is said to be for */
    int form;    /* the dialect's own */
    bool list;   /* it is a list of texts that was given */
    bool base64; /* vectors as bytes */

    /* Owned: what is borrowed from the request, and not in json. */
    int32_t *ids;
    char *messages;
    const char **stops;
    struct sov_request_embed *texts;
};

/* A member that a line may have. */
struct sov_member {
    const char *name;
    /* What is taken of it; value is not null where null means absent. */
    int (*take)(struct sov_request *r, const struct sov_member *m,
                const json_t *value, struct sov_request_text *t,
                struct sov_err *err);
    int to;       /* of a number: enum sov_field */
    double least; /* it may be from here */
    double most;  /* to here */
};

struct sov_dialect {
    const char *name;
    /* Is it a line of this one?  Rows are asked in their order. */
    bool (*is)(const json_t *line);
    /* The same of bytes that are no JSON, by their looks. */
    bool (*looks)(const char *line, size_t len);
    /* Fill in all that an answer needs, an error too. */
    int (*open)(struct sov_request *r, struct sov_err *err);
    int (*text)(struct sov_request *r, struct sov_request_text *t,
                struct sov_err *err);
    int (*vectors)(struct sov_request *r, struct sov_request_vectors *v,
                   struct sov_err *err);
    /* The answer as JSON; NULL: there was no memory. */
    json_t *(*answer)(const struct sov_request *r,
                      const struct sov_response *a);
    /* Is it one of those?  Then, what it says, and the id of the request. */
    bool (*read)(const json_t *answer, struct sov_answered *to,
                 const json_t **id);
};

/* clang-format off */
#define DIALECT(name) extern const struct sov_dialect sov_dialect_##name;
#include "run/dialects.def"
#undef DIALECT
/* clang-format on */

/* They end with NULL. */
extern const struct sov_dialect *const sov_dialects[];

/* ---- request.c: what dialects have in common */

/* A name that a stranger chose, for a message. */
const char *sov_request_shown(const char *name, char buf[48]);

/* "... is not a member that is known" */
int sov_request_unknown(const char *name, struct sov_err *err) SOV_MUST_CHECK;

/* Take the id of a line, if it has one, from the member of this name. */
int sov_request_take_id(struct sov_request *r, const char *name,
                        struct sov_err *err) SOV_MUST_CHECK;

/* ---- request_embed.c */

/* What a member of this name must be: a string, an array of token ids (which
 * the request owns, one at a time). */
int sov_request_string(const char *name, const json_t *value,
                       struct sov_span *to, struct sov_err *err) SOV_MUST_CHECK;
int sov_request_ids(struct sov_request *r, const char *name,
                    const json_t *value, const int32_t **ids, size_t *n,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Is it an array of numbers, the ids of one text? */
bool sov_request_is_ids(const json_t *value);

/* Texts that vectors are wanted of: one, or a list; each a string or token
 * ids. */
int sov_take_texts(struct sov_request *r, const char *name, const json_t *value,
                   struct sov_request_vectors *v,
                   struct sov_err *err) SOV_MUST_CHECK;

/* ---- request_text.c */

/* All members of an object, by tables; both ends are NULL.  With nulls, those
 * that are null are absent. */
int sov_request_members(struct sov_request *r, json_t *object,
                        const struct sov_member *const *tables, bool nulls,
                        struct sov_request_text *t,
                        struct sov_err *err) SOV_MUST_CHECK;

/* Where numbers go. */
enum sov_field {
    SOV_FIELD_TOKENS,
    SOV_FIELD_SEED,
    SOV_FIELD_TOP_K,
    SOV_FIELD_TOP_P,
    SOV_FIELD_MIN_P,
    SOV_FIELD_PENALTY,
    SOV_FIELD_TEMP,
    SOV_FIELD_TOP,
};

/* For tables: a whole number, one from least to most, one above least; what is
 * of its own kind; what says nothing. */
int sov_take_whole(struct sov_request *r, const struct sov_member *m,
                   const json_t *value, struct sov_request_text *t,
                   struct sov_err *err);
int sov_take_real(struct sov_request *r, const struct sov_member *m,
                  const json_t *value, struct sov_request_text *t,
                  struct sov_err *err);
int sov_take_above(struct sov_request *r, const struct sov_member *m,
                   const json_t *value, struct sov_request_text *t,
                   struct sov_err *err);
int sov_take_prompt(struct sov_request *r, const struct sov_member *m,
                    const json_t *value, struct sov_request_text *t,
                    struct sov_err *err);
int sov_take_array(struct sov_request *r, const struct sov_member *m,
                   const json_t *value, struct sov_request_text *t,
                   struct sov_err *err);
int sov_take_stops(struct sov_request *r, const struct sov_member *m,
                   const json_t *value, struct sov_request_text *t,
                   struct sov_err *err);
int sov_take_tenant(struct sov_request *r, const struct sov_member *m,
                    const json_t *value, struct sov_request_text *t,
                    struct sov_err *err);
int sov_take_reviewer(struct sov_request *r, const struct sov_member *m,
                      const json_t *value, struct sov_request_text *t,
                      struct sov_err *err);
int sov_take_nothing(struct sov_request *r, const struct sov_member *m,
                     const json_t *value, struct sov_request_text *t,
                     struct sov_err *err);

/* The messages of an object, with its tools, as sov_dialog_parse() reads
 * them; there must be messages or a prompt, not both. */
int sov_request_messages(struct sov_request *r, const json_t *object,
                         struct sov_request_text *t,
                         struct sov_err *err) SOV_MUST_CHECK;

/* ---- answer.c: what their answers have in common; NULL without memory */

/* Any bytes; what is not UTF-8 is U+FFFD. */
json_t *sov_answer_text(const void *p, size_t len);

/* Vector i of an answer: numbers, or rows of them, or bytes in base64. */
json_t *sov_answer_vector(const struct sov_request *r,
                          const struct sov_response *a, size_t i);

/* What token id says as it stands in the answer. */
struct sov_span sov_answer_piece(const struct sov_response *a, int32_t id);

/* Of a rate that is no number: null. */
json_t *sov_answer_real(double x);

/* The number of a line, from 1. */
bool sov_answer_line(const json_t *value, uint64_t *line);

#endif
