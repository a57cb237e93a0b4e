/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.c - the names in an archive, each of which has one meaning
 *
 * On some file systems upper and lower case are one, so they are here.
 */
#include "sys/members.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/archive.h"
#include "sys/zipdir.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static const char *
bad_part(const char *part, size_t len)
{
    if (len == 0)
        return "has an empty part";
    if (len > SOV_MEMBER_PART)
        return "has a part of more than 255 bytes";
    if (len == 1 && part[0] == '.')
        return "has the part \".\"";
    if (len == 2 && part[0] == '.' && part[1] == '.')
        return "has the part \"..\"";
    return NULL;
}

const char *
sov_archive_bad_name(const char *name, size_t len)
{
    const char *bad = NULL;
    uint32_t cp;

    if (len == 0)
        return "is empty";
    if (len > SOV_MEMBER_NAME)
        return "has more than 4095 bytes";
    for (size_t i = 0, step; i < len; i += step) {
        step = sov_utf8_step(name + i, len - i, &cp);
        if (step == 0)
            return "is not UTF-8";
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            return "has control characters";
        if (cp == '\\')
            return "has a backslash";
    }
    if (name[0] == '/')
        return "is absolute";
    if (len >= 2 && name[1] == ':' && isalpha((unsigned char)name[0]))
        return "has a drive letter";
    if (name[len - 1] == '/')
        len--;
    for (size_t at = 0, end; at <= len && bad == NULL; at = end + 1) {
        for (end = at; end < len && name[end] != '/'; end++)
            ;
        bad = bad_part(name + at, end - at);
    }
    return bad;
}

/* Lower case of ASCII, fresh; NULL: no memory. */
static char *
fold(const char *name, size_t len)
{
    char *key = sov_mem_dup(name, len);

    for (size_t i = 0; key != NULL && i < len; i++)
        key[i] = (char)tolower((unsigned char)key[i]);
    return key;
}

void
sov_members_free(struct sov_members *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->seen[i].key);
    free(m->seen);
    sov_map_free(&m->names);
}

int
sov_members_add(struct sov_members *m, const char *name, size_t len,
                enum sov_seen_kind kind, struct sov_err *err)
{
    uint64_t before;
    char *key;
    int rc;

    if (m->n >= SOV_MEMBERS_MAX || m->bytes + len > SOV_MEMBER_NAMES)
        return sov_fail(err, SOV_EFORMAT,
                        "more members than the limit of %" PRIu64
                        " (or %" PRIu64 " bytes of names)",
                        SOV_MEMBERS_MAX, SOV_MEMBER_NAMES);
    rc = sov_mem_grow((void **)&m->seen, m->n, &m->cap, sizeof(*m->seen), err);
    if (rc < 0)
        return rc;
    key = fold(name, len);
    if (key == NULL)
        return sov_mem_fail(err);
    m->seen[m->n] = (struct sov_seen){ key, kind, false, UINT64_MAX };
    m->bytes += len;
    rc = sov_map_add(&m->names, key, len, m->n, err);
    m->n++;
    if (rc <= 0)
        return rc;
    return kind == SOV_SEEN_FOLDER &&
                   sov_map_get(&m->names, key, len, &before) &&
                   m->seen[before].kind == SOV_SEEN_FOLDER
               ? 0
               : 1;
}

/* ---- the directory of a zip file ---- */

static int
entry_differs(const char *name, const char *how, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "member \"%.100s\" %s in the directory of the zip file",
                    name, how);
}

static int
check_listed(struct sov_members *m, const struct sov_zip_entry *e,
             const char *name, size_t len, struct sov_err *err)
{
    struct sov_seen *seen;
    uint64_t at;

    if (!sov_map_get(&m->names, name, len, &at))
        return entry_differs(name, "is not there, but", err);
    seen = &m->seen[at];
    if (seen->listed && seen->kind == SOV_SEEN_FILE)
        return entry_differs(name, "is twice", err);
    seen->listed = true;
    if (seen->kind == SOV_SEEN_FILE && seen->size != UINT64_MAX &&
        seen->size != e->size)
        return entry_differs(name, "has another size", err);
    return 0;
}

static bool
is_ascii(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] >= 0x80)
            return false;
    return true;
}

/* An entry of the directory of a zip file. */
static int
check_entry(void *arg, const struct sov_zip_entry *e, struct sov_err *err)
{
    struct sov_members *m = arg;
    size_t skip = e->len >= 2 && memcmp(e->name, "./", 2) == 0 ? 2 : 0;
    size_t len = e->len - skip;
    const char *why;
    char *name;
    int rc = 0;

    if (e->len == skip)
        return 0;
    why = sov_archive_bad_name(e->name + skip, len);
    if (why != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "name of a member %s in the directory of the zip "
                        "file: \"%.*s\"",
                        why, (int)(e->len < 100 ? e->len : 100), e->name);
    if (e->name[e->len - 1] == '/')
        len--;
    name = fold(e->name + skip, len);
    if (name == NULL)
        return sov_mem_fail(err);
    if (e->encrypted)
        rc = entry_differs(name, "is encrypted", err);
    else if ((e->mode & 0170000) != 0 && (e->mode & 0170000) != 0100000 &&
             (e->mode & 0170000) != 0040000 &&
             (e->mode & 0170000) != 0010000) /* what zip read from a pipe */
        rc = entry_differs(name, "is a link or device", err);
    else if (e->utf8 || is_ascii(name, len))
        rc = check_listed(m, e, name, len, err);
    free(name);
    return rc;
}

int
sov_members_check_zip(struct sov_members *m, sov_pull_fn pull, void *arg,
                      struct sov_err *err)
{
    int rc = sov_zip_dir(pull, arg, check_entry, m, err);

    for (size_t i = 0; i < m->n && rc == 0; i++) {
        const struct sov_seen *seen = &m->seen[i];

        if (!seen->listed && seen->kind == SOV_SEEN_FILE &&
            is_ascii(seen->key, strlen(seen->key)))
            rc = entry_differs(seen->key, "is missing", err);
    }
    return rc;
}
