/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - how every function of the library says what went wrong
 *
 * A function that can fail returns an int: 0 (or a count) when it worked, a
 * negative enum sov_rc when it did not, and takes a struct sov_err as its last
 * argument.  The record lives on the caller's stack and is never allocated.
 * err may be NULL where the caller wants the code alone.
 *
 * On failure every out-parameter is untouched or NULL.
 */
#ifndef SOV_ERR_H
#define SOV_ERR_H

#if defined(__GNUC__)
#define SOV_API          __attribute__((visibility("default")))
#define SOV_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SOV_MUST_CHECK   __attribute__((warn_unused_result))
#else
#define SOV_API
#define SOV_PRINTF(f, a)
#define SOV_MUST_CHECK
#endif

enum sov_rc {
    SOV_OK = 0,
    SOV_EARG = -1,    /* the caller broke the function's contract */
    SOV_EMEM = -2,    /* out of memory, or over the configured limit */
    SOV_EIO = -3,     /* the system said no; sys holds errno */
    SOV_EFORMAT = -4, /* the input breaks the rules of its own format */
    SOV_EUNSUP = -5,  /* valid input that this build cannot handle */
    SOV_ENO = -6,     /* everything worked and the answer is no */
    SOV_EDENY = -7,   /* not trusted or not allowed: a policy, an unusable key */
};

/*
 * What an I/O failure was about, for callers that answer differently to "no
 * such input", "cannot create the output" and "the disk is full".
 */
enum sov_where {
    SOV_WHERE_ANY = 0,
    SOV_WHERE_INPUT,  /* an input could not be opened (exit status 66) */
    SOV_WHERE_OUTPUT, /* an output could not be created (exit status 73) */
    SOV_WHERE_LOCK,   /* somebody else is writing it (exit status 75) */
    SOV_WHERE_PIPE,   /* the reader of our output left (exit status 141) */
};

struct sov_err {
    enum sov_rc rc;
    int sys;              /* errno at the time, or 0 */
    enum sov_where where; /* SOV_EIO alone: what it was about */
    char msg[400];        /* one line, no newline, no program name */
};

/*
 * Fill the record and give back rc, so that "return sov_fail(...)" is one
 * line.  Control characters and broken UTF-8 in the result are replaced.
 */
SOV_API int sov_fail(struct sov_err *err, enum sov_rc rc, const char *fmt, ...)
    SOV_PRINTF(3, 4);

/* As sov_fail with SOV_EIO, errno kept and its text added after the message. */
SOV_API int sov_fail_sys(struct sov_err *err, enum sov_where where,
                         const char *fmt, ...) SOV_PRINTF(3, 4);

/* Put "context: " before the message; gives back err->rc. */
SOV_API int sov_err_wrap(struct sov_err *err, const char *fmt, ...)
    SOV_PRINTF(2, 3);

#endif
