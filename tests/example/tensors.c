/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tensors.c - the example of sovcore(3): what is in this model?
 *
 *     cc $(pkg-config --cflags sovcore) tensors.c $(pkg-config --libs sovcore)
 */
#include <sov/sovcore.h>

#include <inttypes.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    sov_model *model = NULL;
    struct sov_err err;

    if (argc != 2) {
        fprintf(stderr, "usage: tensors MODEL\n");
        return 64;
    }
    if (sov_model_open(&model, argv[1], SOV_ACCESS_STREAM, &err) < 0) {
        fprintf(stderr, "tensors: %s\n", err.msg);
        return 65;
    }
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        printf("%-28s %-6s %10" PRIu64 " bytes\n", t->name,
               sov_type_info(t->type)->name, t->size);
    }
    sov_model_close(model);
    return 0;
}
