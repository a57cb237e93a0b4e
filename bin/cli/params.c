/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - the parameters of a claim, on their way into a deed
 */
#include "cli/params.h"

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#define REAL 32

static void
add(struct sov_params *to, struct sov_param p)
{
    if (to->n == SOV_PARAMS_MAX)
        to->full = true;
    else
        to->p[to->n++] = p;
}

/* Memory that lives as long as they do; NULL without it, or without room. */
static void *
own(struct sov_params *to, size_t n, size_t size)
{
    void *room = to->n_own < SOV_PARAMS_MAX ? calloc(n, size) : NULL;

    if (room == NULL)
        to->failed = true;
    else
        to->own[to->n_own++] = room;
    return room;
}

void
sov_params_text(struct sov_params *to, const char *key, const char *text)
{
    if (text != NULL)
        add(to, (struct sov_param){
                    .key = key,
                    .kind = SOV_PARAM_STR,
                    .str = text,
                });
}

void
sov_params_number(struct sov_params *to, const char *key, uint64_t number)
{
    add(to, (struct sov_param){
                .key = key,
                .kind = SOV_PARAM_INT,
                .num = (int64_t)number,
            });
}

void
sov_params_real(struct sov_params *to, const char *key, double number)
{
    char *text = own(to, REAL, 1);

    if (text != NULL)
        sov_text_real(text, REAL, number);
    sov_params_text(to, key, text);
}

void
sov_params_flag(struct sov_params *to, const char *key, bool is)
{
    if (is)
        add(to, (struct sov_param){
                    .key = key,
                    .kind = SOV_PARAM_BOOL,
                    .num = 1,
                });
}

void
sov_params_list(struct sov_params *to, const char *key, const char *const *text,
                size_t n, const char *(*name)(const char *))
{
    struct sov_param *item = own(to, n + 1, sizeof(*item));

    for (size_t i = 0; i < n && item != NULL; i++)
        item[i] = (struct sov_param){
            .kind = SOV_PARAM_STR,
            .str = name != NULL ? name(text[i]) : text[i],
        };
    add(to, (struct sov_param){
                .key = key,
                .kind = SOV_PARAM_LIST,
                .item = item,
                .n = item != NULL ? n : 0,
            });
}

void
sov_params_copies(struct sov_params *to, const char *key, char **text, size_t n)
{
    struct sov_param *item = own(to, n + 1, sizeof(*item));
    size_t len = 1;
    char *at;

    for (size_t i = 0; i < n; i++) {
        to->failed = to->failed || text[i] == NULL;
        len += text[i] != NULL ? strlen(text[i]) + 1 : 0;
    }
    at = own(to, len, 1);
    if (to->failed || n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        item[i] = (struct sov_param){ .kind = SOV_PARAM_STR, .str = at };
        at = stpcpy(at, text[i]) + 1;
    }
    add(to, (struct sov_param){
                .key = key,
                .kind = SOV_PARAM_LIST,
                .item = item,
                .n = n,
            });
}

void
sov_params_options(struct sov_params *to, const char *key,
                   const struct sov_opt_list *list,
                   const char *(*name)(const char *))
{
    if (list->n > 0)
        sov_params_list(to, key, list->items, list->n, name);
}

int
sov_params_ok(const struct sov_params *p, struct sov_err *err)
{
    if (p->failed)
        return sov_fail(err, SOV_EMEM, "out of memory");
    return p->full
               ? sov_fail(err, SOV_EARG, "more than %d parameters for a claim",
                          SOV_PARAMS_MAX)
               : 0;
}

void
sov_params_free(struct sov_params *p)
{
    for (size_t i = 0; i < p->n_own; i++)
        free(p->own[i]);
    p->n_own = 0;
}
