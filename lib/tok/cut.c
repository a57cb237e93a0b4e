/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cut.c - special tokens in a text of which only parts may have them
 *
 * Tokens that a vocabulary calls user-defined are cut out anywhere.  Control
 * tokens are looked for in the runs of bytes that are not marked, and each
 * search ends with its run, so that none reaches into what is.  Both searches
 * remember what they found: however many of one kind stand before the next of
 * the other, the text is gone through once.
 */
#include "tok/tok.h"

#include "tok/work.h"

#include <string.h>

/* The next hit of either set at or after at; the old one, if it still is. */
static void
look(const struct sov_cut *c, const struct sov_needles *set, size_t from,
     size_t to, struct sov_hit *hit)
{
    hit->pos = to;
    hit->n = 0;
    hit->id =
        sov_needles_find(set, c->tok, c->text, to, from, &hit->pos, &hit->n);
}

static void
look_unmarked(const struct sov_cut *c, size_t at, struct sov_hit *hit)
{
    size_t end = at;

    hit->id = -1;
    while (hit->id < 0 && at < c->len) {
        while (at < c->len && c->mark[at])
            at++;
        for (end = at; end < c->len && !c->mark[end]; end++)
            continue;
        SOV_STEPS(end - at + 1);
        if (at < end)
            look(c, &c->tok->special, at, end, hit);
        at = end;
    }
    if (hit->id < 0)
        hit->pos = c->len;
}

void
sov_cut_begin(struct sov_cut *c, const sov_tok *tok, const unsigned char *text,
              size_t len, const unsigned char *mark, bool special)
{
    *c = (struct sov_cut){
        .tok = tok, .text = text, .len = len, .mark = mark, .special = special
    };
    if (mark == NULL)
        return;
    look(c, &tok->user, 0, len, &c->user);
    look_unmarked(c, 0, &c->control);
}

struct sov_hit
sov_cut_next(struct sov_cut *c, size_t at)
{
    struct sov_hit hit;

    if (c->mark == NULL) {
        look(c, c->special ? &c->tok->special : &c->tok->user, at, c->len,
             &hit);
        return hit;
    }
    if (c->user.id >= 0 && c->user.pos < at)
        look(c, &c->tok->user, at, c->len, &c->user);
    if (c->control.id >= 0 && c->control.pos < at)
        look_unmarked(c, at, &c->control);
    if (c->user.id < 0 ||
        (c->control.id >= 0 &&
         (c->control.pos < c->user.pos ||
          (c->control.pos == c->user.pos && c->control.n >= c->user.n))))
        return c->control;
    return c->user;
}
