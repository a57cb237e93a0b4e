/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_annex.h - documentation that a law asks for, row by row
 */
#ifndef SOV_VERIFY_PAPER_ANNEX_H
#define SOV_VERIFY_PAPER_ANNEX_H

#include "verify/paper.h"

struct annex_row {
    const char *number; /* "1(d)"; NULL: a part begins, which `asks` names */
    const char *asks;   /* in words of our own, shorter than the law's */
    const char *names;  /* of values, between spaces; NULL: of the system, and
                           nothing that a model's file or claims can tell */
};

struct annex {
    const char *title;
    const char *law;   /* one paragraph: what it answers, and for whom */
    const char *about; /* what it cannot answer; or NULL */
    const struct annex_row *row;
    size_t n;
};

/* As Markdown. */
int annex_write(const struct paper *p, const struct annex *a, FILE *f,
                struct sov_err *err) SOV_MUST_CHECK;

#endif
