/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types.c - names of types, and the rules of --tensor-type
 */
#include "quantize/quantize.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void
lower(char *to, size_t size, const char *from)
{
    size_t n = 0;

    for (; from[n] != '\0' && n + 1 < size; n++)
        to[n] = (char)tolower((unsigned char)from[n]);
    to[n] = '\0';
}

/* "no such type", with what was probably meant. */
static int
bad_type(const char *name, struct sov_err *err)
{
    const char *names[64];
    const char *near;
    size_t n = 0;

    while (n < 63 && (names[n] = sov_quant_type_name(n)) != NULL)
        n++;
    names[n] = NULL;
    near = sov_opt_nearest(name, names);
    if (near != NULL)
        return sov_fail(err, SOV_EARG,
                        "there is no type '%s'; did you mean "
                        "'%s'?",
                        name, near);
    return sov_fail(err, SOV_EARG,
                    "there is no type '%s'; there are q4_k_m, q5_k_m, q6_k, "
                    "q8_0, f16, bf16 and others",
                    name);
}

static bool
is_type(const char *name)
{
    const char *known;

    for (size_t i = 0; (known = sov_quant_type_name(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

/* "blk.*.ffn_down.weight=q6_k" */
static int
parse_rule(struct sov_quant_rule *rule, char *text, struct sov_err *err)
{
    int rc = sov_quant_rule_parse(rule, text, err);
    const char *type = strrchr(text, '=');
    char name[32];

    if (rc == SOV_EARG)
        return sov_err_wrap(err, "--tensor-type");
    if (rc == 0)
        return 0;
    lower(name, sizeof(name), type + 1);
    if (is_type(name) && strcmp(name, "copy") != 0)
        return sov_fail(err, SOV_EARG,
                        "--tensor-type: %s is a mix of types; give one, such "
                        "as q4_k",
                        name);
    return bad_type(type + 1, err);
}

int
quantize_type(struct quantize *q, struct sov_err *err)
{
    lower(q->type, sizeof(q->type), quantize_options.type);
    if (q->sheet != NULL || quantize_allot_wanted())
        return 0;
    return is_type(q->type) ? 0 : bad_type(quantize_options.type, err);
}

int
quantize_rules(struct quantize *q, struct sov_err *err)
{
    const struct sov_opt_list *list = &quantize_options.tensor_types;
    size_t len = 1, at = 0;
    int rc = 0;

    for (size_t i = 0; i < list->n; i++)
        len += strlen(list->items[i]) + 1;
    q->rule = calloc(list->n + 1, sizeof(*q->rule));
    q->pattern = malloc(len);
    if (q->rule == NULL || q->pattern == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        size_t n = strlen(list->items[i]) + 1;

        memcpy(q->pattern + at, list->items[i], n);
        rc = parse_rule(&q->rule[i], q->pattern + at, err);
        at += n;
    }
    return rc;
}
