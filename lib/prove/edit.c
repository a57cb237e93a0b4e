/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.c - the metadata of an output, as --unset and --set changed them
 *
 * A value that was in a file is known if the file was given; if not, its key
 * is not compared.
 */
#include "prove/prove.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* "KEY:TYPE=VALUE", cut into pieces. */
struct setting {
    char *key;
    const char *type; /* or NULL */
    const char *value;
    size_t len;
    bool from_file;
};

static int
split(struct setting *s, char *text, struct sov_err *err)
{
    char *eq = strchr(text, '=');
    char *colon;

    if (eq == NULL || eq == text)
        return sov_fail(err, SOV_EFORMAT,
                        "the claim's set: '%.80s' is not KEY=VALUE", text);
    *eq = '\0';
    *s = (struct setting){ .key = text, .value = eq + 1 };
    s->len = strlen(s->value);
    s->from_file = s->value[0] == '@';
    colon = strrchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
        s->type = colon + 1;
    }
    return 0;
}

/* A number in a file may have a new line behind it; text is as it stands. */
static void
trim(struct setting *s, const sov_meta *meta)
{
    const struct sov_kv *old = sov_meta_find(meta, s->key);
    bool text = s->type != NULL ? strcmp(s->type, "str") == 0
                                : old != NULL && old->type == SOV_V_STR;

    while (!text && s->len > 0 &&
           strchr(" \t\r\n", s->value[s->len - 1]) != NULL)
        s->len--;
}

/* The value is in the file that was given n-th; false: it is not there. */
static bool
find_value(const sov_prove *p, struct setting *s, size_t n,
           const sov_meta *meta)
{
    const struct sov_given *g = sov_prove_of(p, "metadata", n);

    if (g == NULL || g->text == NULL)
        return false;
    s->value = g->text;
    s->len = g->len;
    trim(s, meta);
    return true;
}

static int
set_value(sov_meta *meta, const struct setting *s, struct sov_err *err)
{
    char *value = sov_mem_dup(s->value, s->len);
    int rc;

    if (value == NULL)
        return sov_mem_fail(err);
    rc = sov_meta_set_text(meta, s->key, s->type, value, s->len, err);
    free(value);
    return rc < 0 ? sov_err_wrap(err, "the claim's set") : 0;
}

int
sov_prove_edit(void *prove, sov_meta *meta, struct sov_err *err)
{
    sov_prove *p = prove;
    char *at = sov_prove_copy(p->set, p->n_set);
    size_t files = 0;
    int rc = 0;

    free(p->unknown_words);
    free(p->unknown);
    p->unknown_words = at;
    p->unknown = sov_mem_array(p->n_set, sizeof(*p->unknown));
    p->n_unknown = 0;
    if (at == NULL || p->unknown == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < p->n_unset; i++)
        (void)sov_meta_unset_like(meta, p->unset[i].str);
    for (size_t i = 0; i < p->n_set && rc == 0; i++) {
        size_t len = strlen(at) + 1;
        struct setting s = { .key = NULL };

        rc = split(&s, at, err);
        if (rc == 0 && s.from_file && !find_value(p, &s, files++, meta))
            p->unknown[p->n_unknown++] = s.key;
        else if (rc == 0)
            rc = set_value(meta, &s, err);
        at += len;
    }
    return rc;
}
