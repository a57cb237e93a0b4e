/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - text on its way out, as it is made
 */
#include "cli/emit.h"

#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sov_emit_open(struct sov_emit *out, bool keep, const char *const *inputs,
              size_t n_inputs, struct sov_err *err)
{
    const struct sov_sink_opts opts = { .inputs = inputs,
                                        .n_inputs = n_inputs };
    const char *path = sov_common.output;

    *out = (struct sov_emit){ .keep = keep };
    if (path != NULL && strcmp(path, "-") != 0)
        return sov_tool_sink(&out->sink, inputs, n_inputs, 0, err);
    out->tty = !keep && sov_tool_tty(STDOUT_FILENO);
    return sov_sink_open(&out->sink, "-", &opts, err);
}

static int
append(char **to, size_t *n, size_t *cap, struct sov_span text,
       struct sov_err *err)
{
    if (*cap - *n <= text.len) {
        size_t more = (*n + text.len) * 2 + 64;
        char *bigger = realloc(*to, more);

        if (bigger == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        *to = bigger;
        *cap = more;
    }
    memcpy(*to + *n, text.p, text.len);
    *n += text.len;
    (*to)[*n] = '\0';
    return 0;
}

/*
 * Length of a character that a terminal may act on, else 0: C0 without tab and
 * new line, DEL, and C1 (two bytes, 0xc2 0x80 to 0x9f).
 */
static size_t
acts(const unsigned char *p, size_t len)
{
    if ((p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7f)
        return 1;
    return p[0] == 0xc2 && len > 1 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

static int
write_escaped(struct sov_emit *out, struct sov_span text, struct sov_err *err)
{
    size_t done = 0;
    int rc = 0;

    for (size_t i = 0; i < text.len && rc == 0;) {
        size_t n = acts(text.p + i, text.len - i);
        char hex[8];

        if (n == 0) {
            i++;
            continue;
        }
        if (i > done)
            rc = sov_sink_write(out->sink, text.p + done, i - done, err);
        snprintf(hex, sizeof(hex), "\\x%02x", text.p[i + n - 1]);
        if (rc == 0)
            rc = sov_sink_write(out->sink, hex, strlen(hex), err);
        i += n;
        done = i;
    }
    if (rc == 0 && done < text.len)
        rc = sov_sink_write(out->sink, text.p + done, text.len - done, err);
    return rc;
}

static int
write_lit(struct sov_emit *out, const char *text, struct sov_err *err)
{
    return sov_sink_write(out->sink, text, strlen(text), err);
}

/* Out of an aside again, which ends its line. */
static int
end_aside(struct sov_emit *out, struct sov_err *err)
{
    bool line = out->open_line;

    if (!out->dim)
        return 0;
    out->dim = false;
    out->open_line = false;
    return write_lit(out, line ? "\x1b[0m\n" : "\x1b[0m", err);
}

int
sov_emit_text(struct sov_emit *out, struct sov_span text, struct sov_err *err)
{
    if (text.len == 0)
        return 0;
    if (out->hold)
        return append(&out->kept, &out->n_kept, &out->cap, text, err);
    if (end_aside(out, err) < 0)
        return err->rc;
    out->open_line = text.p[text.len - 1] != '\n';
    if ((out->keep || out->both) &&
        append(&out->kept, &out->n_kept, &out->cap, text, err) < 0)
        return err->rc;
    if (out->keep)
        return 0;
    if (out->tty)
        return write_escaped(out, text, err);
    return sov_sink_write(out->sink, text.p, text.len, err);
}

int
sov_emit_aside(struct sov_emit *out, struct sov_span text, struct sov_err *err)
{
    if (text.len == 0)
        return 0;
    if (out->keep || out->hold)
        return append(&out->aside, &out->n_aside, &out->cap_aside, text, err);
    if (!out->tty || !sov_tool_color())
        return 0;
    if (!out->dim && write_lit(out, "\x1b[2m", err) < 0)
        return err->rc;
    out->dim = true;
    out->open_line = text.p[text.len - 1] != '\n';
    return write_escaped(out, text, err);
}

int
sov_emit_release(struct sov_emit *out, struct sov_err *err)
{
    struct sov_span text = { (unsigned char *)out->kept, out->n_kept };
    struct sov_span aside = { (unsigned char *)out->aside, out->n_aside };
    char *kept = out->kept;
    int rc;

    if (!out->hold)
        return 0;
    out->hold = false;
    out->kept = NULL;
    out->n_kept = out->cap = out->n_aside = 0;
    rc = sov_emit_aside(out, aside, err);
    if (rc == 0)
        rc = sov_emit_text(out, text, err);
    free(kept);
    return rc;
}

int
sov_emit_part(struct sov_emit *out, struct sov_err *err)
{
    bool line = out->tty && out->open_line;
    int rc;

    if (out->dim)
        rc = end_aside(out, err);
    else
        rc = line ? write_lit(out, "\n", err) : 0;
    out->open_line = false;
    out->n_kept = 0;
    return rc;
}

int
sov_emit_close(struct sov_emit *out, struct sov_err *err)
{
    int rc = sov_emit_part(out, err);

    if (rc == 0)
        rc = sov_sink_commit(&out->sink, err);
    return rc;
}

void
sov_emit_free(struct sov_emit *out)
{
    sov_sink_abort(out->sink);
    free(out->kept);
    free(out->aside);
    *out = (struct sov_emit){ 0 };
}
