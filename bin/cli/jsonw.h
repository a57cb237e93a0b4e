/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonw.h - a JSON document that others have laid down, as it is written
 *
 *     struct sov_jsonw w = { .f = f };
 *     sov_jsonw_object(&w, NULL);
 *     sov_jsonw_text(&w, "name", name);
 *     sov_jsonw_array(&w, "files");
 *     sov_jsonw_text(&w, NULL, file);      in an array there is no key
 *     sov_jsonw_end(&w);
 *     sov_jsonw_end(&w);                   and the last one ends the line
 *
 * Members come in the order of the calls, indented for people.  report.h is for
 * documents of our own.  Texts may come from anywhere.  Whether all was written
 * is to be asked of f at the end.
 */
#ifndef SOV_CLI_JSONW_H
#define SOV_CLI_JSONW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SOV_JSONW_DEEP 32

struct sov_jsonw {
    FILE *f;
    int deep;
    struct {
        char end;  /* what closes it */
        bool some; /* it has a member already */
    } level[SOV_JSONW_DEEP];
};

void sov_jsonw_object(struct sov_jsonw *w, const char *key);
void sov_jsonw_array(struct sov_jsonw *w, const char *key);
void sov_jsonw_end(struct sov_jsonw *w);

/* text NULL: nothing is written. */
void sov_jsonw_text(struct sov_jsonw *w, const char *key, const char *text);
void sov_jsonw_uint(struct sov_jsonw *w, const char *key, uint64_t n);
void sov_jsonw_bool(struct sov_jsonw *w, const char *key, bool value);

/* A text in quotes, as JSON and YAML read it. */
void sov_jsonw_quote(FILE *f, const char *text);

#endif
