/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - bytes of tokens in, whole characters out
 *
 * Two buffers: raw holds what came in and is not decided yet, clean what has
 * been made well-formed but may still be the beginning of a stop string.
 * What may be shown is moved to show, and stands there until the next call.
 */
#include "sov/run.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct sov_stream {
    char **stop;
    size_t n_stops;
    bool stopped;
    struct sov_buf raw;
    struct sov_buf clean;
    struct sov_buf show;
};

const char *
sov_why_name(enum sov_why why)
{
    static const char *const names[] = { "length", "end", "stop", "context",
                                         "interrupt" };

    return names[why];
}

int
sov_stream_new(sov_stream **stream, const char *const *stops, size_t n_stops,
               struct sov_err *err)
{
    struct sov_stream *s = sov_mem_array(1, sizeof(*s));

    *stream = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->stop = sov_mem_array(n_stops, sizeof(*s->stop));
    if (s->stop == NULL) {
        sov_stream_free(s);
        return sov_mem_fail(err);
    }
    for (; s->n_stops < n_stops; s->n_stops++) {
        const char *word = stops[s->n_stops];

        if (word[0] == '\0') {
            sov_stream_free(s);
            return sov_fail(err, SOV_EARG, "a stop string is empty");
        }
        s->stop[s->n_stops] = sov_mem_dup(word, strlen(word));
        if (s->stop[s->n_stops] == NULL) {
            sov_stream_free(s);
            return sov_mem_fail(err);
        }
    }
    *stream = s;
    return 0;
}

void
sov_stream_free(sov_stream *s)
{
    size_t i;

    if (s == NULL)
        return;
    for (i = 0; i < s->n_stops; i++)
        sov_mem_forget(s->stop[i]);
    free(s->stop);
    sov_buf_free(&s->raw);
    sov_buf_free(&s->clean);
    sov_buf_free(&s->show);
    free(s);
}

static void
drop(struct sov_buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->len - n);
    b->len -= n;
}

/*
 * Move characters from raw to clean.  A tail that may become a character
 * stays, unless this is the end.
 */
static void
clean_up(struct sov_stream *s, bool at_end)
{
    static const char odd[] = "\xef\xbf\xbd"; /* U+FFFD */
    size_t tail = at_end ? 0 : sov_utf8_tail(s->raw.p, s->raw.len);
    size_t end = s->raw.len - tail;
    size_t at = 0;
    uint32_t cp;

    while (at < end) {
        size_t n = sov_utf8_step(s->raw.p + at, end - at, &cp);

        if (n > 0)
            sov_buf_add(&s->clean, s->raw.p + at, n);
        else
            sov_buf_add(&s->clean, odd, sizeof(odd) - 1);
        at += n > 0 ? n : 1;
    }
    drop(&s->raw, at);
}

/* Length of the longest beginning of word that clean ends with. */
static size_t
overlap(const struct sov_stream *s, const char *word)
{
    size_t len = strlen(word);
    size_t n = len - 1 < s->clean.len ? len - 1 : s->clean.len;

    while (n > 0 && memcmp(s->clean.p + s->clean.len - n, word, n) != 0)
        n--;
    return n;
}

/* Where the first stop string begins in clean; its length if there is none. */
static size_t
find_stop(const struct sov_stream *s)
{
    size_t at, i;

    for (at = 0; at < s->clean.len; at++)
        for (i = 0; i < s->n_stops; i++) {
            size_t len = strlen(s->stop[i]);

            if (len <= s->clean.len - at &&
                memcmp(s->clean.p + at, s->stop[i], len) == 0)
                return at;
        }
    return s->clean.len;
}

/* Decide what of clean may be shown. */
static void
decide(struct sov_stream *s, bool at_end)
{
    size_t n = find_stop(s);
    size_t hold = 0;
    size_t i;

    if (n < s->clean.len) {
        s->stopped = true;
    } else if (!at_end) {
        for (i = 0; i < s->n_stops; i++)
            hold = overlap(s, s->stop[i]) > hold ? overlap(s, s->stop[i])
                                                 : hold;
        n -= hold;
        /* a stop string may begin within a character */
        while (n > 0 && n < s->clean.len && (s->clean.p[n] & 0xc0) == 0x80)
            n--;
    }
    sov_buf_add(&s->show, s->clean.p, n);
    drop(&s->clean, n);
}

static int
result(struct sov_stream *s, struct sov_span *show, struct sov_err *err)
{
    if (s->raw.bad || s->clean.bad || s->show.bad)
        return sov_mem_fail(err);
    show->p = s->show.p;
    show->len = s->show.len;
    return 0;
}

int
sov_stream_put(sov_stream *s, const void *p, size_t len, struct sov_span *show,
               bool *stopped, struct sov_err *err)
{
    s->show.len = 0;
    if (!s->stopped) {
        sov_buf_add(&s->raw, p, len);
        clean_up(s, false);
        decide(s, false);
    }
    *stopped = s->stopped;
    return result(s, show, err);
}

int
sov_stream_end(sov_stream *s, struct sov_span *show, struct sov_err *err)
{
    s->show.len = 0;
    if (!s->stopped) {
        clean_up(s, true);
        decide(s, true);
    }
    s->stopped = true;
    return result(s, show, err);
}
