/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - filling the error record
 *
 * Whatever a message quotes may come from a hostile file, so the whole line is
 * made safe to show, once, here.
 */
#include "base/text.h"
#include "sov/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
put(struct sov_err *err, const char *raw)
{
    sov_text_safe(raw, strlen(raw), err->msg, sizeof(err->msg));
}

int
sov_fail(struct sov_err *err, enum sov_rc rc, const char *fmt, ...)
{
    char raw[sizeof(err->msg)];
    va_list ap;

    if (err == NULL)
        return rc;
    va_start(ap, fmt);
    vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    err->rc = rc;
    err->sys = 0;
    err->where = SOV_WHERE_ANY;
    put(err, raw);
    return rc;
}

int
sov_fail_sys(struct sov_err *err, enum sov_where where, const char *fmt, ...)
{
    char raw[sizeof(err->msg)];
    int saved = errno;
    va_list ap;
    int n;

    if (err == NULL)
        return SOV_EIO;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(raw) && saved != 0)
        snprintf(raw + n, sizeof(raw) - (size_t)n, ": %s", strerror(saved));
    err->rc = SOV_EIO;
    err->sys = saved;
    err->where = where;
    put(err, raw);
    return SOV_EIO;
}

int
sov_err_wrap(struct sov_err *err, const char *fmt, ...)
{
    char raw[2 * sizeof(err->msg) + 2];
    va_list ap;
    int n;

    if (err == NULL)
        return SOV_EFORMAT;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof(err->msg))
        n = (int)sizeof(err->msg) - 1;
    snprintf(raw + n, sizeof(raw) - (size_t)n, ": %s", err->msg);
    put(err, raw);
    return err->rc;
}
