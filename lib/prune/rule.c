/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.c - "blk.0.*=keep", "*ffn_down*=0.3", "*attn_k*=2:4": what goes of some
 * tensors, as text
 */
#include "sov/prune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
parse_pattern(struct sov_prune_rule *rule, const char *what,
              struct sov_err *err)
{
    int rc = sov_prune_pattern_parse(&rule->pattern, what, err);

    rule->patterned = true;
    if (rc == 0 && rule->pattern.of == 0)
        rc =
            sov_fail(err, SOV_EARG, "'%.80s' does not say how much goes", what);
    return rc;
}

int
sov_prune_rule_parse(struct sov_prune_rule *rule, char *text,
                     struct sov_err *err)
{
    char *eq = strrchr(text, '=');
    char *end;

    *rule = (struct sov_prune_rule){ .name = text };
    if (eq == NULL || eq == text)
        return sov_fail(err, SOV_EARG,
                        "'%.80s' is not PAT=WHAT (a ratio, a pattern, or "
                        "keep)",
                        text);
    *eq++ = '\0';
    if (strcmp(eq, "keep") == 0)
        return 0;
    if (strpbrk(eq, ":x") != NULL)
        return parse_pattern(rule, eq, err);
    errno = 0;
    rule->ratio = strtod(eq, &end);
    if (end == eq || *end != '\0' || errno != 0 ||
        !(rule->ratio >= 0 && rule->ratio <= 1))
        return sov_fail(err, SOV_EARG,
                        "'%.80s' is no ratio between 0 and 1, no pattern such "
                        "as 2:4, and not keep",
                        eq);
    return 0;
}
