/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_lineage.c - the history of a model as a picture: SVG, or DOT
 *
 * Boxes and ways are those of paper_picture.h.  A way leaves its box in the
 * middle; each comes into a box at a place of its own, where its role stands.
 */
#include "verify/paper_picture.h"

#include "cli/markup.h"
#include "cli/svg.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define WIDE   300 /* of a box */
#define BEND   16  /* of a way that passes */
#define HIGH   76
#define GAP_X  24
#define GAP_Y  54
#define EDGE   20
#define LETTER 40 /* columns in a box */

/* ---- what stands in a box: three lines */

struct words {
    char line[3][300];
};

static void
describe(const struct paper *p, const struct picture_box *b, struct words *w)
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
standing(const struct picture_box *b)
{
    if (b->claim == NULL)
        return 2;
    return b->claim->trust == SOV_TRUST_GOOD ? 0 : 1;
}

/* ---- SVG */

static int
middle_of(const struct picture_box *b)
{
    return EDGE + b->x + b->wide / 2;
}

static int
top_of(const struct picture *pic, const struct picture_box *b)
{
    return EDGE + 30 + (int)(pic->rows - 1 - b->row) * (HIGH + GAP_Y);
}

/* From below a box, or a bend, to a place above one. */
static void
draw_curve(const struct picture *pic, const struct picture_box *from, int x1,
           int y1, FILE *f)
{
    int x0 = middle_of(from), y0 = top_of(pic, from) + HIGH;

    fprintf(f, "M%d %dC%d %d %d %d %d %d", x0, y0, x0, y0 + GAP_Y / 2, x1,
            y1 - GAP_Y / 2, x1, y1);
}

/* What all ways of a box have in common: past boxes that are none of theirs. */
static void
draw_trunk(const struct picture *pic, size_t i, FILE *f)
{
    const struct picture_box *b = &pic->box[i];

    for (size_t k = 0; k < b->n; k++) {
        const struct picture_box *to = &pic->box[b->trunk + k];
        const struct picture_box *from =
            k == 0 ? b : &pic->box[b->trunk + k - 1];
        int x = middle_of(to), y = top_of(pic, to);

        fputs("<path class=\"way\" d=\"", f);
        draw_curve(pic, from, x, y, f);
        fprintf(f, "V%d\"/>\n", y + HIGH);
    }
}

/* Where it comes in. */
static void
end_of(const struct picture *pic, const struct picture_edge *e, int *x, int *y)
{
    const struct picture_box *to = &pic->box[e->to];
    size_t n = to->n_way > 0 ? to->n_way : 1;

    *x = EDGE + to->x + (int)((e->turn + 1) * (size_t)to->wide / (n + 1));
    *y = top_of(pic, to);
}

static void
draw_edge(const struct picture *pic, const struct picture_edge *e, FILE *f)
{
    int x, y;

    end_of(pic, e, &x, &y);
    fputs("<path class=\"way\" d=\"", f);
    draw_curve(pic, &pic->box[paper_picture_before(pic, e)], x, y - 2, f);
    fputs("\" marker-end=\"url(#tip)\"/>\n", f);
}

/* Above all ways. */
static void
draw_role(const struct picture *pic, const struct picture_edge *e, FILE *f)
{
    int x, y;

    if (strcmp(e->role, "parent") == 0)
        return;
    end_of(pic, e, &x, &y);
    fprintf(f, "<text class=\"soft role\" x=\"%d\" y=\"%d\">", x + 7, y - 7);
    sov_markup_text(f, e->role);
    fputs("</text>\n", f);
}

static void
draw_box(const struct paper *p, const struct picture *pic,
         const struct picture_box *b, FILE *f)
{
    static const char *const kind[] = { "good", "unknown", "bare" };
    struct words w;
    int x = EDGE + b->x, y = top_of(pic, b);

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
    int width = 2 * EDGE + pic->wide;
    int height = 2 * EDGE + 30 + (int)pic->rows * (HIGH + GAP_Y) - GAP_Y + 24;

    sov_svg_document(f, "sov-verify", p->name, width, height);
    fputs(
        "<style>\n"
        "text{font:13px system-ui,\"DejaVu Sans\",sans-serif;"
        "fill:var(--sov-ink)}\n"
        ".name{font-weight:600}\n.soft{font-size:12px;fill:var(--sov-soft)}\n"
        ".box{fill:var(--sov-ground);stroke:var(--sov-c0);stroke-width:2}\n"
        ".unknown{stroke:var(--sov-c1);stroke-dasharray:7 3}\n"
        ".bare{stroke:var(--sov-soft);stroke-dasharray:2 3}\n"
        ".role{paint-order:stroke;stroke:var(--sov-ground);stroke-width:4px}\n"
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
    int rc = paper_picture(p, &pic, WIDE, BEND, GAP_X, err);

    if (rc == 0) {
        draw_head(p, &pic, f);
        for (size_t i = 0; i < pic.n_boxes; i++)
            draw_trunk(&pic, i, f);
        for (size_t i = 0; i < pic.n_edges; i++)
            draw_edge(&pic, &pic.edge[i], f);
        for (size_t i = 0; i < pic.n_edges; i++)
            draw_role(&pic, &pic.edge[i], f);
        for (size_t i = 0; i < pic.n_boxes; i++)
            draw_box(p, &pic, &pic.box[i], f);
        sov_svg_document_end(f);
    }
    paper_picture_free(&pic);
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
    int rc = paper_picture(p, &pic, WIDE, BEND, GAP_X, err);

    if (rc == 0) {
        fputs("// sov-verify\ndigraph lineage {\n"
              "  rankdir=TB;\n  node [shape=box];\n",
              f);
        for (size_t i = 0; i < pic.n_boxes; i++) {
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
    paper_picture_free(&pic);
    return rc;
}
