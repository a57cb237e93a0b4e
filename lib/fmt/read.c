/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - the bytes of a tensor, wherever they are and as they are shown
 *
 * Four things may stand between the file and what a caller sees: the file is
 * a pipe and goes forward only; its numbers are big-endian; an import makes the
 * tensor of others (make.c); or it has put its rows in another order.
 */
#include "fmt/format.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

#define READ_AHEAD ((uint64_t)16 << 20)

static bool
is_near(uint64_t ahead, uint64_t end)
{
    return ahead >= end && ahead - end <= READ_AHEAD;
}

/*
 * Who reads a tensor reads on, and what is worked on is not waited for by the
 * disk: let it bring what comes next.  That may be in two places in turn, as
 * weights and their scales; other jumps are rare and begin anew.
 */
static void
read_ahead(struct sov_part *part, uint64_t end)
{
    uint64_t *ahead = &part->ahead[!part->last_ahead];

    if (is_near(part->ahead[part->last_ahead], end) || !is_near(*ahead, end))
        ahead = &part->ahead[part->last_ahead];
    if (!is_near(*ahead, end)) {
        part->last_ahead = !part->last_ahead;
        ahead = &part->ahead[part->last_ahead];
        *ahead = end;
    } else if (*ahead - end > READ_AHEAD / 2) {
        return;
    }
    sov_file_will_need(&part->file, *ahead, end + READ_AHEAD - *ahead);
    *ahead = end + READ_AHEAD;
}

static int
part_read(struct sov_part *part, uint64_t off, void *buf, size_t len,
          struct sov_err *err)
{
    uint64_t at = sov_in_offset(&part->in);
    int rc;

    if (part->map != NULL) {
        memcpy(buf, (const unsigned char *)part->map + off, len);
        return 0;
    }
    if (part->file.regular) {
        read_ahead(part, off + len);
        return sov_file_pread(&part->file, buf, len, off, err);
    }
    if (off < at)
        return sov_fail(err, SOV_EARG, "a pipe cannot be read backwards");
    rc = sov_in_take(&part->in, NULL, off - at, err);
    return rc < 0 ? rc : sov_in_take(&part->in, buf, len, err);
}

struct where {
    sov_model *m;
    const struct sov_entry *e;
};

static int
fetch(void *arg, uint64_t off, void *buf, size_t len, struct sov_err *err)
{
    const struct where *w = arg;

    if (w->e->made != NULL)
        return sov_made_read(w->m, w->e->made, &w->e->t, off, buf, len, err);
    return part_read(w->m->part[w->e->part], w->e->off + off, buf, len, err);
}

int
sov_entry_read(sov_model *m, const struct sov_entry *e, uint64_t off, void *buf,
               size_t len, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info(e->t.type);
    bool moves = sov_order_moves(&e->order);
    struct where at = { m, e };
    uint64_t unit = 1;
    bool big;
    int rc;

    if (len == 0)
        return 0;
    if (e->own != NULL) {
        memcpy(buf, e->own + off, len);
        return 0;
    }
    big = m->part[e->part]->big;
    if (big)
        unit = info->bytes;
    if (moves)
        unit = sov_order_unit(&e->t);
    if (off % unit != 0 || len % unit != 0)
        return sov_fail(err, SOV_EARG, "not a whole number of rows");
    rc = moves ? sov_order_read(&e->order, &e->t, off / unit, len / unit, buf,
                                fetch, &at, err)
               : fetch(&at, off, buf, len, err);
    if (rc == 0 && big)
        sov_swap_blocks(e->t.type, buf, len / info->bytes);
    return rc;
}

int
sov_entry_map(sov_model *m, struct sov_entry *e, struct sov_err *err)
{
    struct sov_part *part = m->part[e->part];
    int rc;

    if (m->access != SOV_ACCESS_MAP)
        return 0;
    if (e->own == NULL &&
        (part->big || e->made != NULL || sov_order_moves(&e->order))) {
        unsigned char *own = sov_mem_array((size_t)e->t.size, 1);

        if (own == NULL)
            return sov_mem_fail(err);
        rc = sov_entry_read(m, e, 0, own, (size_t)e->t.size, err);
        if (rc < 0) {
            free(own);
            return sov_part_wrap(part, err);
        }
        e->own = own;
    }
    if (e->own != NULL)
        e->t.data = e->own;
    else if (part->map != NULL && e->t.size > 0)
        e->t.data = (const unsigned char *)part->map + e->off;
    else
        e->t.data = ""; /* no bytes: anything but NULL */
    return 0;
}

void
sov_model_unneeded(const sov_model *m, size_t i)
{
    const struct sov_entry *e = &m->entry[i];

    if (m->access == SOV_ACCESS_MAP && e->own == NULL &&
        e->part < m->n_parts && m->part[e->part]->map != NULL)
        sov_file_unneeded(e->t.data, e->t.size);
}

/*
 * After the last byte that is wanted, take the padding too: a writer that is
 * still at it should not be killed for being read to its last tensor.
 */
static int
drain(sov_model *m, struct sov_part *part, struct sov_err *err)
{
    uint64_t max = m->bag != NULL ? UINT64_MAX : SOV_ALIGN_MAX;
    uint64_t extra;
    int rc = sov_in_rest(&part->in, max, &extra, err);

    if (rc < 0)
        return rc;
    if (m->to_the_end && extra > 0)
        return sov_fail(err, SOV_EFORMAT, "bytes follow the last tensor's");
    return 0;
}

bool
sov_model_seeks(const sov_model *m)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->part[i]->map == NULL && !m->part[i]->file.regular)
            return false;
    return true;
}

int
sov_model_read(sov_model *m, size_t i, uint64_t off, void *buf, size_t len,
               struct sov_err *err)
{
    const struct sov_entry *e;
    struct sov_err unseen;
    struct sov_part *part;
    int rc;

    if (err == NULL)
        err = &unseen;
    if (i >= m->n || off > m->entry[i].t.size || len > m->entry[i].t.size - off)
        return sov_fail(err, SOV_EARG, "read beyond the end of a tensor");
    e = &m->entry[i];
    if (e->own != NULL)
        return sov_entry_read(m, e, off, buf, len, err);
    if (e->part >= m->n_parts && e->t.data == NULL)
        return sov_fail(err, SOV_EARG, "tensor %.80s has no bytes", e->t.name);
    if (e->part >= m->n_parts) { /* it is in nobody's file */
        memcpy(buf, (const unsigned char *)e->t.data + off, len);
        return 0;
    }
    part = m->part[e->part];
    rc = sov_entry_read(m, e, off, buf, len, err);
    if (rc < 0)
        sov_err_wrap(err, "tensor %.80s", e->t.name);
    else if (!part->file.regular && i == m->last && len > 0 &&
             off + len == e->t.size)
        rc = drain(m, part, err);
    if (rc < 0)
        return sov_part_wrap(part, err);
    /* Another model may come, or the archive may be cut short. */
    return m->bag != NULL && !m->bag->ended && i == m->last &&
                   off + len == e->t.size
               ? sov_bag_finish(m, err)
               : 0;
}
