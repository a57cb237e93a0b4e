/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isa.c - which kernels this machine has, and what generic ones are left
 */
#include "kern/kern.h"

#include <stdio.h>

int
main(void)
{
    const struct sov_kern *g = sov_kern_for("generic");
    const struct sov_kern *k = sov_kern();
    int dots = 0, left = 0, panels = 0;

    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        dots += g->dot[i] != NULL;
        left += g->dot[i] != NULL && k->dot[i] == g->dot[i];
        panels += k->many[i] != NULL;
    }
    printf("%s\n", k->isa);
    fprintf(stderr, "%s: %d of %d rows are generic, %d panels\n", k->isa, left,
            dots, panels);
    return 0;
}
