/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_picture.c - the history of a model as boxes and ways, and their places
 *
 * Places are found as in K. Sugiyama, S. Tagawa and M. Toda, "Methods for
 * visual understanding of hierarchical system structures", 1981: rows by the
 * longest way, bends where a way passes a row, an order in each row by the mean
 * of what it is linked to, first from above and then from below.  Histories
 * that are larger than anybody looks at have no bends and no order.
 */
#include "verify/paper_picture.h"

#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 4000  /* bends, and ways */
#define WAYS_MAX  20000 /* of a picture: each is compared with each */
#define SWEEPS    4

/* Two that are linked, from one row to the next. */
struct link {
    size_t above, below;
};

struct layout {
    struct picture *pic;
    struct link *link;
    size_t n;
    size_t *order; /* boxes, row by row */
    size_t *first; /* [rows + 1] of each row, in order */
    double *key;   /* of each box */
    int gap;
};

/* ---- boxes and ways */

static bool
counts(const struct sov_resource *r)
{
    return r->role != NULL && strcmp(r->role, "tool") != 0;
}

static bool
same(const struct sov_resource *a, const struct sov_resource *b)
{
    if ((a->digest.has & b->digest.has & SOV_HASH_SHA256) != 0)
        return memcmp(a->digest.sha256, b->digest.sha256, SOV_SHA256_LEN) == 0;
    return a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0;
}

static size_t
find_box(const struct picture *pic, const struct sov_claim *claim,
         const struct sov_resource *is)
{
    size_t i = 0;

    while (i < pic->n && !(claim != NULL ? pic->box[i].claim == claim
                                         : pic->box[i].is != NULL &&
                                               same(pic->box[i].is, is)))
        i++;
    return i;
}

/* The box of what went in: files of one model are one. */
static size_t
box_of(struct picture *pic, size_t to, const struct sov_claim *claim,
       const struct sov_resource *is)
{
    size_t i = find_box(pic, claim, is);

    if (i < pic->n)
        return i;
    for (i = 0; claim == NULL && i < pic->n; i++)
        if (pic->box[i].is != NULL && pic->box[i].by == to &&
            strcmp(is->role, "parent") == 0 &&
            strcmp(pic->box[i].role, is->role) == 0) {
            pic->box[i].more++;
            return i;
        }
    pic->box[pic->n] = (struct picture_box){
        .claim = claim, .is = is, .role = is->role, .by = to
    };
    return pic->n++;
}

static void
add_edges(const struct paper *p, struct picture *pic, size_t to)
{
    const struct sov_statement *st = &p->step[to].claim->statement;

    for (size_t k = 0; k < st->n_dependencies; k++) {
        const struct sov_resource *d = &st->dependency[k];
        const struct sov_claim *c =
            d->claim != NULL ? sov_claims_find(p->claims, d->claim) : NULL;
        size_t from;
        bool known = false;

        if (!counts(d))
            continue;
        from = box_of(pic, to, c, d);
        for (size_t i = 0; i < pic->n_edges; i++)
            known |= pic->edge[i].from == from && pic->edge[i].to == to;
        if (!known)
            pic->edge[pic->n_edges++] = (struct picture_edge){
                .from = from, .to = to, .role = d->role
            };
    }
}

/* Every box above those it leads to.  Claims that hold have no circle, and
 * where they do not, n rounds are enough. */
static void
find_rows(struct picture *pic)
{
    size_t deep = 0;

    for (size_t round = 0; round < pic->n; round++) {
        bool moved = false;

        for (size_t i = 0; i < pic->n_edges; i++) {
            struct picture_box *from = &pic->box[pic->edge[i].from];
            const struct picture_box *to = &pic->box[pic->edge[i].to];

            if (from->row <= to->row && to->row < pic->n) {
                from->row = to->row + 1;
                moved = true;
            }
        }
        if (!moved)
            break;
    }
    for (size_t i = 0; i < pic->n; i++)
        deep = pic->box[i].row > deep ? pic->box[i].row : deep;
    pic->rows = deep + 1;
}

/* ---- bends */

/* How many rows a box's ways pass: down to above the farthest of its ends. */
static void
count_bends(struct picture *pic, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < pic->n_edges; i++) {
        struct picture_box *from = &pic->box[pic->edge[i].from];
        size_t to = pic->box[pic->edge[i].to].row;
        size_t passed = from->row > to ? from->row - to - 1 : 0;

        if (passed > from->n) {
            *n += passed - from->n;
            from->n = passed;
        }
    }
}

static int
add_bends(struct picture *pic, int wide, struct sov_err *err)
{
    struct picture_box *more;
    size_t n;

    pic->n_boxes = pic->n;
    count_bends(pic, &n);
    if (n > LINKS_MAX || pic->n_edges > LINKS_MAX) {
        for (size_t i = 0; i < pic->n; i++)
            pic->box[i].n = 0;
        return 0;
    }
    more = realloc(pic->box, (pic->n + n + 1) * sizeof(*more));
    if (more == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    pic->box = more;
    for (size_t i = 0; i < pic->n_boxes; i++) {
        more[i].trunk = pic->n;
        for (size_t k = 0; k < more[i].n; k++)
            more[pic->n++] = (struct picture_box){ .bend = true,
                                                   .row = more[i].row - 1 - k,
                                                   .wide = wide };
    }
    return 0;
}

size_t
paper_picture_before(const struct picture *pic, const struct picture_edge *e)
{
    const struct picture_box *from = &pic->box[e->from];
    size_t to = pic->box[e->to].row;

    if (from->n == 0 || from->row <= to + 1)
        return e->from;
    return from->trunk + (from->row - to - 2);
}

/* ---- order */

static void
find_links(struct layout *l)
{
    const struct picture *pic = l->pic;

    for (size_t i = 0; i < pic->n_boxes; i++)
        for (size_t k = 0; k < pic->box[i].n; k++) {
            size_t at = pic->box[i].trunk + k;

            l->link[l->n++] = (struct link){ k == 0 ? i : at - 1, at };
        }
    for (size_t i = 0; i < pic->n_edges; i++)
        l->link[l->n++] =
            (struct link){ paper_picture_before(pic, &pic->edge[i]),
                           pic->edge[i].to };
}

static void
fill_rows(struct layout *l)
{
    size_t n = 0;

    for (size_t row = 0; row < l->pic->rows; row++) {
        l->first[row] = n;
        for (size_t i = 0; i < l->pic->n; i++)
            if (l->pic->box[i].row == row)
                l->order[n++] = i;
    }
    l->first[l->pic->rows] = n;
}

/* The mean of value(linked) for each box of a row; what has none stays. */
static void
find_keys(struct layout *l, size_t row, bool from_above,
          double (*value)(const struct layout *l, size_t box))
{
    size_t from = l->first[row], to = l->first[row + 1];

    for (size_t i = from; i < to; i++) {
        size_t box = l->order[i], n = 0;
        double sum = 0;

        for (size_t k = 0; k < l->n; k++) {
            size_t mine = from_above ? l->link[k].below : l->link[k].above;
            size_t other = from_above ? l->link[k].above : l->link[k].below;

            if (mine == box) {
                sum += value(l, other);
                n++;
            }
        }
        l->key[box] = n > 0 ? sum / (double)n : value(l, box);
    }
}

static double
place_in_row(const struct layout *l, size_t box)
{
    size_t row = l->pic->box[box].row, i = l->first[row];

    while (l->order[i] != box)
        i++;
    return (double)(i - l->first[row]);
}

static void
sort_row(struct layout *l, size_t row)
{
    for (size_t i = l->first[row] + 1; i < l->first[row + 1]; i++) {
        size_t box = l->order[i], k = i;

        for (; k > l->first[row] && l->key[l->order[k - 1]] > l->key[box]; k--)
            l->order[k] = l->order[k - 1];
        l->order[k] = box;
    }
}

static void
sweep(struct layout *l, bool down)
{
    size_t rows = l->pic->rows;

    for (size_t i = 1; i < rows; i++) {
        size_t row = down ? rows - 1 - i : i;

        find_keys(l, row, down, place_in_row);
        sort_row(l, row);
    }
}

/* ---- places */

static double
middle(const struct layout *l, size_t box)
{
    return l->pic->box[box].x + l->pic->box[box].wide / 2.0;
}

/* Each below, or above, what it is linked to, as far as there is room. */
static void
shift(struct layout *l, size_t row, bool from_above)
{
    int end = 0;

    find_keys(l, row, from_above, middle);
    for (size_t i = l->first[row]; i < l->first[row + 1]; i++) {
        struct picture_box *b = &l->pic->box[l->order[i]];
        int want = (int)(l->key[l->order[i]] - b->wide / 2.0);

        b->x = want > end ? want : end;
        end = b->x + b->wide + l->gap;
    }
}

static void
find_places(struct layout *l)
{
    struct picture *pic = l->pic;
    size_t rows = pic->rows;
    int left;

    for (size_t row = 0; row < rows; row++)
        shift(l, row, true); /* from the left, first */
    for (size_t row = rows - 1; row-- > 0;)
        shift(l, row, true);
    for (size_t row = 1; row < rows; row++)
        shift(l, row, false);
    left = pic->box[0].x;
    for (size_t i = 0; i < pic->n; i++)
        left = pic->box[i].x < left ? pic->box[i].x : left;
    for (size_t i = 0; i < pic->n; i++) {
        struct picture_box *b = &pic->box[i];

        b->x -= left;
        pic->wide = b->x + b->wide > pic->wide ? b->x + b->wide : pic->wide;
    }
}

/* Ways come into a box in the order in which they come from. */
static void
find_turns(struct layout *l)
{
    struct picture *pic = l->pic;

    for (size_t i = 0; i < pic->n_edges; i++) {
        struct picture_edge *e = &pic->edge[i];
        double mine = middle(l, paper_picture_before(pic, e));

        pic->box[e->to].n_way++;
        for (size_t k = 0; k < pic->n_edges; k++) {
            double other = middle(l, paper_picture_before(pic, &pic->edge[k]));

            e->turn += pic->edge[k].to == e->to &&
                       (other < mine || (other == mine && k < i));
        }
    }
}

static int
lay_out(struct picture *pic, int gap, struct sov_err *err)
{
    struct layout l = { .pic = pic, .gap = gap };
    int rc = 0;

    l.link = calloc(pic->n + pic->n_edges + 1, sizeof(*l.link));
    l.order = calloc(pic->n + 1, sizeof(*l.order));
    l.first = calloc(pic->rows + 2, sizeof(*l.first));
    l.key = calloc(pic->n + 1, sizeof(*l.key));
    if (l.link == NULL || l.order == NULL || l.first == NULL || l.key == NULL) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        bool small = pic->n_edges <= LINKS_MAX;

        fill_rows(&l);
        if (small)
            find_links(&l);
        for (int i = 0; small && i < SWEEPS; i++)
            sweep(&l, i % 2 == 0);
        find_places(&l);
        if (small)
            find_turns(&l);
    }
    free(l.link);
    free(l.order);
    free(l.first);
    free(l.key);
    return rc;
}

int
paper_picture(const struct paper *p, struct picture *pic, int box, int bend,
              int gap, struct sov_err *err)
{
    size_t n = p->n_steps + 1, edges = 1;
    int rc;

    for (size_t i = 0; i < p->n_steps; i++)
        edges += p->step[i].claim->statement.n_dependencies;
    if (edges > WAYS_MAX)
        return sov_fail(err, SOV_EUNSUP,
                        "a history of %zu files is too large for a picture; "
                        "the limit is %d",
                        edges, WAYS_MAX);
    pic->box = calloc(n + edges, sizeof(*pic->box));
    pic->edge = calloc(edges, sizeof(*pic->edge));
    if (pic->box == NULL || pic->edge == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < p->n_steps; i++)
        pic->box[pic->n++].claim = p->step[i].claim;
    if (p->n_steps == 0)
        pic->n = 1; /* the model, of which nobody says anything */
    for (size_t i = 0; i < p->n_steps; i++)
        add_edges(p, pic, i);
    for (size_t i = 0; i < pic->n; i++)
        pic->box[i].wide = box;
    find_rows(pic);
    rc = add_bends(pic, bend, err);
    return rc == 0 ? lay_out(pic, gap, err) : rc;
}

void
paper_picture_free(struct picture *pic)
{
    free(pic->box);
    free(pic->edge);
}
