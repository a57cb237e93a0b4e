/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.c - "blk.*.ffn_down.weight=q6_k": the type of some tensors, as text
 */
#include "sov/quant.h"

#include <ctype.h>
#include <string.h>

int
sov_quant_rule_parse(struct sov_quant_rule *rule, char *text,
                     struct sov_err *err)
{
    char *eq = strrchr(text, '=');
    const struct sov_type_info *info;
    char name[32];
    size_t n = 0;

    if (eq == NULL || eq == text)
        return sov_fail(err, SOV_EARG, "'%.80s' is not PAT=TYPE", text);
    for (; eq[1 + n] != '\0' && n + 1 < sizeof(name); n++)
        name[n] = (char)tolower((unsigned char)eq[1 + n]);
    name[n] = '\0';
    info = sov_type_by_name(name);
    if (info == NULL || eq[1 + n] != '\0')
        return sov_fail(err, SOV_ENO, "there is no type '%.80s'", eq + 1);
    *eq = '\0';
    rule->pattern = text;
    rule->type = info->type;
    return 0;
}
