/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - the files of a plan, known to the byte before the first is written
 *
 * Tensors keep their order.  A file is filled until the next tensor would take
 * it over a limit; its size is counted with the header, so that no file with
 * more than one tensor is larger than was asked for.
 *
 *   NAME.gguf -> NAME-00001-of-00003.gguf, NAME-00002-of-00003.gguf, ...
 */
#include "fmt/plan.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "fmt/format.h"
#include "fmt/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_form *const forms[] = {
#define FORM(sym) &sov_form_##sym,
#include "fmt/forms.def"
#undef FORM
};

static const struct sov_form *
find_form(const char *name)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (name == NULL || strcmp(forms[i]->name, name) == 0)
            return forms[i];
    return NULL;
}

static int
too_large(struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "the file would be too large");
}

/* ---- where a file ends */

struct cutter {
    sov_plan *plan;
    const struct sov_form *form;
    const struct sov_layout *layout;
    size_t *start; /* of each part, its first tensor; owned */
    size_t n;
    size_t cap;
};

static int
start_part(struct cutter *c, size_t tensor, struct sov_err *err)
{
    int rc =
        sov_mem_grow((void **)&c->start, c->n, &c->cap, sizeof(*c->start), err);

    if (rc < 0)
        return rc;
    if (c->n >= SOV_SHARDS_MAX)
        return sov_fail(err, SOV_EARG,
                        "the model would be cut into more than %" PRIu64
                        " files",
                        SOV_SHARDS_MAX);
    c->start[c->n++] = tensor;
    return 0;
}

/* Bytes of the header of part no without tensors. */
static int
least_header(const struct cutter *c, size_t no, uint64_t *bytes,
             struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc = c->form->header(c->plan, &b, 0, 0, no, SOV_SHARDS_MAX, err);

    *bytes = b.len;
    if (rc == 0 && b.bad)
        rc = sov_mem_fail(err);
    sov_buf_free(&b);
    return rc;
}

/* What a file of so much header and data takes; UINT64_MAX: too much. */
static uint64_t
file_bytes(const struct cutter *c, uint64_t header, uint64_t data)
{
    uint64_t sum;

    if (!sov_pad(header, c->plan->align, &header) ||
        !sov_add(header, data, &sum))
        return UINT64_MAX;
    return sum;
}

static int
cut(struct cutter *c, struct sov_err *err)
{
    const struct sov_layout *l = c->layout;
    uint64_t header = 0, data = 0, base[2], entry, size;
    size_t count = 0;
    int rc = start_part(c, 0, err);

    if (rc < 0 || (l->max_bytes == 0 && l->max_tensors == 0))
        return rc;
    rc = least_header(c, 0, &base[0], err);
    if (rc == 0)
        rc = least_header(c, 1, &base[1], err);
    header = base[0];
    for (size_t i = 0; i < c->plan->n && rc == 0; i++) {
        const struct sov_tensor *t = &c->plan->tensor[i];

        entry = c->form->entry(t);
        if (!sov_pad(t->size, c->plan->align, &size))
            return too_large(err);
        if (count > 0 &&
            ((l->max_tensors > 0 && count >= l->max_tensors) ||
             (l->max_bytes > 0 &&
              file_bytes(c, header + entry, data + size) > l->max_bytes))) {
            rc = start_part(c, i, err);
            header = base[1];
            data = 0;
            count = 0;
        }
        header += entry;
        if (!sov_add(data, size, &data))
            return too_large(err);
        count++;
    }
    return rc;
}

/* ---- names */

/* The name without the suffix, if it ends so; its length. */
static size_t
stem(const char *name, const char *suffix)
{
    size_t n = strlen(name);

    return n > strlen(suffix) && sov_ends_with(name, suffix)
               ? n - strlen(suffix)
               : n;
}

static char *
part_name(const struct cutter *c, size_t no)
{
    const char *name = c->layout->name;
    const char *suffix = c->form->suffix;
    char *out = NULL;
    int n;

    if (name == NULL)
        n = asprintf(&out, "model%s", suffix);
    else if (!c->plan->split)
        n = asprintf(&out, "%s", name);
    else
        n = asprintf(&out, "%.*s-%05zu-of-%05zu%s", (int)stem(name, suffix),
                     name, no + 1, c->n, suffix);
    return n < 0 ? NULL : out;
}

/* ---- the files */

static int
lay_part(struct cutter *c, size_t no, struct sov_err *err)
{
    size_t first = c->start[no];
    size_t end = no + 1 < c->n ? c->start[no + 1] : c->plan->n;
    char *name = part_name(c, no);
    struct sov_file_plan *f;
    uint64_t padded;
    int rc = name == NULL ? sov_mem_fail(err)
                          : sov_plan_add_file(c->plan, name, &f, err);

    free(name);
    if (rc < 0)
        return rc;
    f->pub.first = first;
    f->pub.n = end - first;
    rc = c->form->header(c->plan, &f->head, first, end - first, no,
                         c->plan->split ? c->n : 0, err);
    if (rc == 0 && f->head.bad)
        rc = sov_mem_fail(err);
    f->pub.bytes = f->head.len;
    for (size_t i = first; i < end && rc == 0; i++) {
        c->plan->off[i] = f->pub.bytes;
        if (!sov_pad(c->plan->tensor[i].size, c->plan->align, &padded) ||
            !sov_add(f->pub.bytes, padded, &f->pub.bytes))
            rc = too_large(err);
    }
    return rc;
}

/* The index goes first, and needs the names of the parts. */
static int
lay_index(struct cutter *c, struct sov_err *err)
{
    const char *name = c->layout->name;
    sov_plan *plan = c->plan;
    size_t at = plan->first_part;
    struct sov_file_plan *f, index;
    char *full = NULL;
    int rc;

    if (asprintf(&full, "%.*s%s", (int)stem(name, c->form->suffix), name,
                 c->form->index_suffix) < 0)
        return sov_mem_fail(err);
    rc = sov_plan_add_file(plan, full, &f, err);
    free(full);
    if (rc < 0)
        return rc;
    rc = c->form->index(plan, &f->head, err);
    if (rc == 0 && f->head.bad)
        rc = sov_mem_fail(err);
    f->pub.bytes = f->head.len;
    f->pub.first = plan->file[at].pub.first;
    index = *f;
    memmove(&plan->file[at + 1], &plan->file[at],
            (plan->n_files - 1 - at) * sizeof(*plan->file));
    plan->file[at] = index;
    plan->first_part++;
    return rc;
}

static int
lay(struct cutter *c, struct sov_err *err)
{
    sov_plan *plan = c->plan;
    bool limits = c->layout->max_bytes > 0 || c->layout->max_tensors > 0;
    int rc = c->form->begin(plan, err);

    if (rc == 0)
        rc = cut(c, err);
    if (rc < 0)
        return rc;
    plan->split = c->n > 1 || (limits && c->form->lone_split);
    if (plan->split && c->layout->name == NULL)
        return sov_fail(err, SOV_EARG, "several files need a name");
    plan->first_part = plan->n_files;
    plan->n_parts = c->n;
    plan->off = sov_mem_array(plan->n, sizeof(*plan->off));
    if (plan->off == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < c->n && rc == 0; i++)
        rc = lay_part(c, i, err);
    if (rc == 0 && plan->split && c->form->index != NULL)
        rc = lay_index(c, err);
    plan->bytes = 0;
    for (size_t i = 0; i < plan->n_files && rc == 0; i++)
        if (!sov_add(plan->bytes, plan->file[i].pub.bytes, &plan->bytes))
            rc = too_large(err);
    return rc;
}

int
sov_plan_lay(sov_plan *plan, const struct sov_layout *layout,
             struct sov_err *err)
{
    uint32_t align = layout->align != 0 ? layout->align : SOV_GGUF_ALIGN;
    struct cutter c = { .plan = plan, .layout = layout };
    int rc;

    c.form = find_form(layout->form);
    if (plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is frozen");
    if (c.form == NULL)
        return sov_fail(err, SOV_EARG, "there is no form '%s'", layout->form);
    if (align < 8 || align > SOV_ALIGN_MAX || (align & (align - 1)) != 0)
        return sov_fail(err, SOV_EARG,
                        "alignment %u: not a power of two from 8 to %u",
                        (unsigned)align, (unsigned)SOV_ALIGN_MAX);
    plan->align = c.form->padded ? align : 1;
    rc = lay(&c, err);
    free(c.start);
    if (rc == 0)
        plan->frozen = true;
    return rc;
}

void
sov_plan_place(const sov_plan *plan, size_t i, size_t *file, uint64_t *off)
{
    size_t lo = plan->first_part, hi = lo + plan->n_parts;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (plan->file[mid].pub.first <= i)
            lo = mid;
        else
            hi = mid;
    }
    *file = lo;
    *off = i < plan->n ? plan->off[i] : plan->file[lo].pub.bytes;
}
