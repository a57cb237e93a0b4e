/* SPDX-License-Identifier: Apache-2.0 */
/* traits.c - what a document is like, in numbers */
#include "distill/traits.h"

#include "base/le.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/hash.h"
#include "tok/uclass.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RUN    4  /* symbols that are a run */
#define COMMON 3  /* words of a phrase that comes often */
#define LONG   10 /* ... of one that should not come twice */

void
sov_reader_free(struct sov_reader *r)
{
    free(r->word);
    sov_crowd_free(&r->crowd);
    *r = (struct sov_reader){ 0 };
}

/* ---- words ---- */

/* Of scripts without spaces between words. */
static bool
is_word_alone(uint32_t cp)
{
    return (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xf900 && cp <= 0xfaff) ||
           (cp >= 0x20000 && cp <= 0x3fffd) || (cp >= 0xe00 && cp <= 0xeff) ||
           (cp >= 0x1000 && cp <= 0x109f) || (cp >= 0x1780 && cp <= 0x17ff);
}

/* What is known of the characters so far. */
struct state {
    uint64_t hash; /* of the word that has begun */
    uint64_t len;  /* characters of it; 0: none has */
    uint64_t run;  /* symbols in a row */
};

static int
end_word(struct sov_reader *r, struct state *s, struct sov_err *err)
{
    struct sov_traits *t = &r->traits;
    uint64_t x = s->hash;
    int rc;

    if (s->len == 0)
        return 0;
    t->words++;
    t->in_words += s->len;
    t->longest = s->len > t->longest ? s->len : t->longest;
    s->len = 0;
    rc = sov_mem_grow((void **)&r->word, r->n, &r->cap, sizeof(*r->word), err);
    if (rc < 0)
        return rc;
    x ^= x >> 32;
    x *= UINT64_C(0x9e3779b97f4a7c15);
    r->word[r->n++] = (uint32_t)(x >> 32);
    return 0;
}

static void
add_to_word(struct state *s, uint32_t cp)
{
    if (s->len++ == 0)
        s->hash = UINT64_C(0xcbf29ce484222325);
    if (cp >= 'A' && cp <= 'Z')
        cp |= 0x20;
    s->hash = (s->hash ^ cp) * UINT64_C(0x100000001b3);
}

static void
end_run(struct sov_traits *t, struct state *s)
{
    if (s->run >= RUN)
        t->in_runs += s->run;
    s->run = 0;
}

static void
count(struct sov_traits *t, struct state *s, uint32_t cp, unsigned class)
{
    bool mark = (class & (SOV_UC_P | SOV_UC_S)) != 0;

    t->chars++;
    t->solid += (class & SOV_UC_SPACE) == 0;
    t->letters += (class & (SOV_UC_L | SOV_UC_M)) != 0;
    t->digits += (class & SOV_UC_N) != 0;
    t->symbols += (class & SOV_UC_S) != 0 && cp != 0xfffd;
    t->controls += cp < 0x20 ? strchr("\t\n\f\r", (int)cp) == NULL
                             : cp >= 0x7f && cp < 0xa0;
    if (mark)
        s->run++;
    else
        end_run(t, s);
}

static int
read_words(struct sov_reader *r, struct sov_span text, struct sov_err *err)
{
    struct state s = { 0 };
    size_t at = 0;
    int rc = 0;

    while (at < text.len && rc == 0) {
        uint32_t cp = 0;
        size_t n = sov_utf8_step(text.p + at, text.len - at, &cp);
        unsigned class = cp < 128 ? sov_uclass_ascii[cp] : sov_uclass_of(cp);
        bool inside = (class & (SOV_UC_L | SOV_UC_M | SOV_UC_N)) != 0;
        bool alone = cp >= 0xe00 && is_word_alone(cp);

        count(&r->traits, &s, cp, class);
        at += n > 0 ? n : 1; /* the text is well-formed: n > 0 */
        if (!inside || alone)
            rc = end_word(r, &s, err);
        if (inside)
            add_to_word(&s, cp);
        if (inside && alone && rc == 0)
            rc = end_word(r, &s, err);
    }
    end_run(&r->traits, &s);
    return rc == 0 ? end_word(r, &s, err) : rc;
}

/* ---- lines ---- */

static bool
is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

size_t
sov_line_next(struct sov_span left, struct sov_span *line)
{
    const unsigned char *end =
        left.len > 0 ? memchr(left.p, '\n', left.len) : NULL;
    size_t n = end != NULL ? (size_t)(end - left.p) : left.len;

    *line = (struct sov_span){ left.p, n };
    while (line->len > 0 && is_blank(line->p[0])) {
        line->p++;
        line->len--;
    }
    while (line->len > 0 && is_blank(line->p[line->len - 1]))
        line->len--;
    return n + (end != NULL);
}

uint64_t
sov_line_hash(struct sov_span line)
{
    unsigned char out[SOV_XXH3_LEN];

    sov_xxh3(line.p, line.len, out);
    return sov_le64(out);
}

static int
read_lines(struct sov_reader *r, struct sov_span left, struct sov_err *err)
{
    struct sov_traits *t = &r->traits;
    struct sov_span line;
    size_t n, seen = 0;
    uint32_t before;

    r->crowd.most = SOV_TRAITS_LINES;
    sov_crowd_clear(&r->crowd);
    while (seen < SOV_TRAITS_LINES && (n = sov_line_next(left, &line)) > 0) {
        left.p += n;
        left.len -= n;
        if (line.len == 0)
            continue;
        seen++;
        t->lines += line.len >= SOV_LINE_LONG;
        t->line_bytes += line.len;
        if (sov_crowd_add(&r->crowd, sov_line_hash(line), &before, err) < 0)
            return SOV_EMEM;
        if (before == 0)
            continue;
        t->lines_again += line.len >= SOV_LINE_LONG;
        t->bytes_again += line.len;
    }
    return 0;
}

int
sov_reader_read(struct sov_reader *r, const struct sov_doc *doc,
                struct sov_err *err)
{
    r->traits = (struct sov_traits){ .nuls = doc->nuls, .broken = doc->broken };
    r->n = 0;
    if (read_lines(r, doc->text, err) < 0)
        return SOV_EMEM;
    return read_words(r, doc->text, err);
}

/* ---- phrases ---- */

static uint64_t
phrase_hash(const uint32_t *word, size_t n)
{
    uint64_t h = n;

    for (size_t i = 0; i < n; i++) {
        h = (h ^ word[i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return h;
}

/* One that comes twice says nothing. */
static int
find_common(struct sov_reader *r, size_t n, struct sov_err *err)
{
    uint64_t most = 0;
    uint32_t before;

    sov_crowd_clear(&r->crowd);
    for (size_t i = 0; i + COMMON <= n; i++) {
        if (sov_crowd_add(&r->crowd, phrase_hash(r->word + i, COMMON), &before,
                          err) < 0)
            return SOV_EMEM;
        most = before + UINT64_C(1) > most ? before + UINT64_C(1) : most;
    }
    most = most > 2 ? most * COMMON : 0;
    r->traits.in_phrase = most < n ? most : n;
    return 0;
}

static int
find_repeated(struct sov_reader *r, size_t n, struct sov_err *err)
{
    size_t covered = 0; /* words before this one are counted */
    uint32_t before;

    sov_crowd_clear(&r->crowd);
    for (size_t i = 0; i + LONG <= n; i++) {
        if (sov_crowd_add(&r->crowd, phrase_hash(r->word + i, LONG), &before,
                          err) < 0)
            return SOV_EMEM;
        if (before == 0)
            continue;
        r->traits.words_again += i + LONG - (covered > i ? covered : i);
        covered = i + LONG;
    }
    return 0;
}

int
sov_reader_phrases(struct sov_reader *r, struct sov_err *err)
{
    size_t n = r->n < SOV_TRAITS_WORDS ? r->n : SOV_TRAITS_WORDS;
    int rc;

    r->traits.looked_at = n;
    r->crowd.most = SOV_TRAITS_WORDS;
    rc = find_common(r, n, err);
    return rc < 0 ? rc : find_repeated(r, n, err);
}
