/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_lineage.c - the history of a model as a picture: SVG, or DOT
 *
 * A box for each model with a claim, and for each one that went in without, an
 * arrow from what went in to what came out.  The model itself is at the bottom,
 * and a box stands above all that was made from it: its row is the longest way
 * to the model.
 *
 *     row 0   [ tale                      ]   dashed: no claim of its own
 *                        |
 *     row 1   [ prune: a.gguf             ]
 *                        |
 *     row 2   [ quantize: tale-small.gguf ]
 */
#include "verify/paper.h"

#include "cli/markup.h"
#include "cli/svg.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define WIDE   300 /* of a box */
#define HIGH   76
#define GAP_X  24
#define GAP_Y  46
#define EDGE   20
#define LETTER 40 /* columns in a box */

struct box {
    const struct sov_claim *claim; /* or NULL */
    const struct sov_resource *is; /* what went in without a claim */
    const char *role;
    size_t by;   /* the step that it went into first */
    size_t more; /* files of it beside that one */
    size_t row, column;
};

struct edge {
    size_t from, to;
    const char *role;
};

struct picture {
    struct box *box;
    size_t n;
    struct edge *edge;
    size_t n_edges;
    size_t rows, columns;
};

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
    pic->box[pic->n] =
        (struct box){ .claim = claim, .is = is, .role = is->role, .by = to };
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
            pic->edge[pic->n_edges++] = (struct edge){ from, to, d->role };
    }
}

/* Every box above those it leads to.  Claims that hold have no circle, and
 * where they do not, n rounds are enough. */
static void
place(struct picture *pic)
{
    size_t deep = 0;

    for (size_t round = 0; round < pic->n; round++) {
        bool moved = false;

        for (size_t i = 0; i < pic->n_edges; i++) {
            struct box *from = &pic->box[pic->edge[i].from];
            const struct box *to = &pic->box[pic->edge[i].to];

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
    for (size_t row = 0; row < pic->rows; row++) {
        size_t column = 0;

        for (size_t i = 0; i < pic->n; i++)
            if (pic->box[i].row == row)
                pic->box[i].column = column++;
        pic->columns = column > pic->columns ? column : pic->columns;
    }
}

static int
compose(const struct paper *p, struct picture *pic, struct sov_err *err)
{
    size_t n = p->n_steps + 1, edges = 1;

    for (size_t i = 0; i < p->n_steps; i++)
        edges += p->step[i].claim->statement.n_dependencies;
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
    place(pic);
    return 0;
}

static void
drop(struct picture *pic)
{
    free(pic->box);
    free(pic->edge);
}

/* ---- what stands in a box: three lines */

struct words {
    char line[3][300];
};

static void
describe(const struct paper *p, const struct box *b, struct words *w)
{
    char deed[240];

    memset(w, 0, sizeof(*w));
    if (b->claim == NULL && b->is == NULL) {
        snprintf(w->line[0], 300, "%s", p->name);
        snprintf(w->line[1], 300, "nobody has signed anything about it");
    } else if (b->claim == NULL) {
        snprintf(w->line[0], 300, "%s",
                 b->is->name != NULL  ? b->is->name
                 : b->is->uri != NULL ? b->is->uri
                                      : "(no name)");
        if (b->more > 0)
            snprintf(w->line[0], 300, "%.200s and %zu more files",
                     b->is->name != NULL ? b->is->name : "(no name)", b->more);
        snprintf(w->line[1], 300, "%s, which has no claim", b->role);
        if ((b->is->digest.has & SOV_HASH_SHA256) != 0) {
            char hex[65];

            paper_hex(hex, b->is->digest.sha256);
            snprintf(w->line[2], 300, "sha256 %.16s", hex);
        }
    } else {
        const struct sov_claim *c = b->claim;
        char when[32];

        snprintf(w->line[0], 300, "%s: %s",
                 sov_verify_deed(c, deed, sizeof(deed)),
                 sov_verify_file_of(&c->statement));
        snprintf(w->line[1], 300, "%s, claim %.16s",
                 paper_time(c->statement.finished, when, sizeof(when)), c->id);
        snprintf(w->line[2], 300, "key %.16s, %s", c->key_id,
                 sov_verify_trust_word(c->trust));
    }
}

/* 0 to 2: trusted, not trusted, without a claim. */
static int
standing(const struct box *b)
{
    if (b->claim == NULL)
        return 2;
    return b->claim->trust == SOV_TRUST_GOOD ? 0 : 1;
}

/* ---- SVG */

static int
left_of(const struct box *b)
{
    return EDGE + (int)b->column * (WIDE + GAP_X);
}

static int
top_of(const struct picture *pic, const struct box *b)
{
    return EDGE + 30 + (int)(pic->rows - 1 - b->row) * (HIGH + GAP_Y);
}

static void
draw_edge(const struct picture *pic, const struct edge *e, FILE *f)
{
    const struct box *from = &pic->box[e->from], *to = &pic->box[e->to];
    int x0 = left_of(from) + WIDE / 2, y0 = top_of(pic, from) + HIGH;
    int x1 = left_of(to) + WIDE / 2, y1 = top_of(pic, to);

    fprintf(f,
            "<path class=\"way\" d=\"M%d %dC%d %d %d %d %d %d\" "
            "marker-end=\"url(#tip)\"/>\n",
            x0, y0, x0, y0 + GAP_Y / 2, x1, y1 - GAP_Y / 2, x1, y1 - 2);
    if (strcmp(e->role, "parent") != 0) {
        fprintf(f, "<text class=\"soft\" x=\"%d\" y=\"%d\">", x0 + 6, y0 + 14);
        sov_markup_text(f, e->role);
        fputs("</text>\n", f);
    }
}

static void
draw_box(const struct paper *p, const struct picture *pic, const struct box *b,
         FILE *f)
{
    static const char *const kind[] = { "good", "unknown", "bare" };
    struct words w;
    int x = left_of(b), y = top_of(pic, b);

    describe(p, b, &w);
    fputs("<g>\n<title>", f);
    sov_markup_text(f, b->claim != NULL ? b->claim->id : w.line[0]);
    fprintf(f,
            "</title>\n<rect class=\"box %s\" x=\"%d\" y=\"%d\" width=\"%d\" "
            "height=\"%d\" rx=\"6\"/>\n",
            kind[standing(b)], x, y, WIDE, HIGH);
    for (int i = 0; i < 3; i++) {
        if (w.line[i][0] == '\0')
            continue;
        fprintf(f, "<text class=\"%s\" x=\"%d\" y=\"%d\">",
                i == 0 ? "name" : "soft", x + 12, y + 24 + 20 * i);
        sov_markup_short(f, w.line[i], LETTER);
        fputs("</text>\n", f);
    }
    fputs("</g>\n", f);
}

static void
draw_head(const struct paper *p, const struct picture *pic, FILE *f)
{
    int width = 2 * EDGE + (int)pic->columns * (WIDE + GAP_X) - GAP_X;
    int height = 2 * EDGE + 30 + (int)pic->rows * (HIGH + GAP_Y) - GAP_Y + 24;

    sov_svg_document(f, "sov-verify", p->name, width, height);
    fputs("<style>\n"
          "text{font:13px system-ui,\"DejaVu Sans\",sans-serif;"
          "fill:var(--sov-ink)}\n"
          ".name{font-weight:600}\n.soft{font-size:12px;fill:var(--sov-soft)}\n"
          ".box{fill:var(--sov-ground);stroke:var(--sov-c0);stroke-width:2}\n"
          ".unknown{stroke:var(--sov-c1);stroke-dasharray:7 3}\n"
          ".bare{stroke:var(--sov-soft);stroke-dasharray:2 3}\n"
          ".way{fill:none;stroke:var(--sov-ink)}\n.tip{fill:var(--sov-ink)}\n"
          "</style>\n"
          "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
          "markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">"
          "<path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
          f);
    fprintf(f, "<text class=\"name\" x=\"%d\" y=\"%d\">", EDGE, EDGE + 8);
    sov_markup_short(f, p->verified ? "verified" : "NOT VERIFIED", 40);
    fprintf(f,
            "</text>\n<text class=\"soft\" x=\"%d\" y=\"%d\">solid: signed by "
            "a trusted key</text>\n",
            EDGE, height - EDGE + 2);
}

int
paper_lineage(const struct paper *p, FILE *f, struct sov_err *err)
{
    struct picture pic = { 0 };
    int rc = compose(p, &pic, err);

    if (rc == 0) {
        draw_head(p, &pic, f);
        for (size_t i = 0; i < pic.n_edges; i++)
            draw_edge(&pic, &pic.edge[i], f);
        for (size_t i = 0; i < pic.n; i++)
            draw_box(p, &pic, &pic.box[i], f);
        sov_svg_document_end(f);
    }
    drop(&pic);
    return rc;
}

/* ---- DOT */

/* A quoted id of DOT: a quote is escaped, and a backslash stands for itself
 * only when doubled. */
static void
quote(FILE *f, const char *text)
{
    char one[8];
    size_t n;

    while ((n = sov_text_next(text, one)) > 0) {
        for (const char *c = one; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                fputc('\\', f);
            fputc(*c, f);
        }
        text += n;
    }
}

int
paper_lineage_dot(const struct paper *p, FILE *f, struct sov_err *err)
{
    static const char *const style[] = { "solid", "dashed", "dotted" };
    struct picture pic = { 0 };
    int rc = compose(p, &pic, err);

    if (rc == 0) {
        fputs("// sov-verify\ndigraph lineage {\n"
              "  rankdir=TB;\n  node [shape=box];\n",
              f);
        for (size_t i = 0; i < pic.n; i++) {
            struct words w;

            describe(p, &pic.box[i], &w);
            fprintf(f, "  n%zu [style=%s, label=\"", i,
                    style[standing(&pic.box[i])]);
            for (int k = 0; k < 3; k++) {
                quote(f, w.line[k]);
                fputs(w.line[k][0] != '\0' ? "\\l" : "", f);
            }
            fputs("\"];\n", f);
        }
        for (size_t i = 0; i < pic.n_edges; i++) {
            const char *role = pic.edge[i].role;

            fprintf(f, "  n%zu -> n%zu", pic.edge[i].from, pic.edge[i].to);
            if (strcmp(role, "parent") != 0) {
                fputs(" [label=\"", f);
                quote(f, role);
                fputs("\"]", f);
            }
            fputs(";\n", f);
        }
        fputs("}\n", f);
    }
    drop(&pic);
    return rc;
}
