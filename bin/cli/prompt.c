/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt.c - where text and token ids come from
 */
#include "cli/prompt.h"

#include "cli/names.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 30)

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

static int
check_stdin(const char *path, const char *model, struct sov_err *err)
{
    if (strcmp(path, "-") == 0 && strcmp(model, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "standard input is the model; give the text with -p "
                        "or as a file");
    return 0;
}

static int
read_named(const char *path, size_t max, char **text, size_t *len,
           struct sov_err *err)
{
    int rc = sov_read_whole(path, max, text, len, err);

    return rc < 0 ? sov_err_wrap(err, "%s", sov_name_in(path)) : 0;
}

static int
append_file(struct sov_prompt *p, const char *path, const char *model,
            struct sov_err *err)
{
    char *text = NULL;
    char *both;
    size_t len = 0;
    int rc = check_stdin(path, model, err);

    if (rc == 0)
        rc = read_named(path, TEXT_MAX - p->len, &text, &len, err);
    if (rc < 0)
        return rc;
    both = realloc(p->text, p->len + len + 1);
    if (both == NULL) {
        free(text);
        return no_memory(err);
    }
    memcpy(both + p->len, text, len);
    p->text = both;
    p->len += len;
    p->text[p->len] = '\0';
    free(text);
    return 0;
}

int
sov_prompt_read(struct sov_prompt *p, const char *option, int n_files,
                char **files, const char *model, struct sov_err *err)
{
    int rc = 0;

    *p = (struct sov_prompt){ 0 };
    if (option != NULL && n_files > 0)
        return sov_fail(err, SOV_EARG,
                        "a prompt by -p and one by a file; give one of them");
    if (option != NULL) {
        p->text = strdup(option);
        p->len = strlen(option);
        return p->text != NULL ? 0 : no_memory(err);
    }
    if (n_files == 0) {
        if (isatty(STDIN_FILENO) == 1 && strcmp(model, "-") != 0)
            sov_note(0, "the prompt comes from the terminal; Ctrl-D ends it");
        rc = append_file(p, "-", model, err);
    }
    for (int i = 0; i < n_files && rc == 0; i++)
        rc = append_file(p, files[i], model, err);
    if (rc < 0) {
        free(p->text);
        *p = (struct sov_prompt){ 0 };
    }
    return rc;
}

/* ---- token ids */

static const char *
skip_space(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* A number from 0 to 2^31 - 1; NULL if there is none. */
static const char *
read_id(const char *s, int32_t *id)
{
    int64_t v = 0;
    size_t n = strspn(s, "0123456789");

    if (n == 0 || n > 10 || (n > 1 && s[0] == '0'))
        return NULL;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (s[i] - '0');
    if (v > INT32_MAX)
        return NULL;
    *id = (int32_t)v;
    return s + n;
}

/* [1, 2, 3] to ids, which has room for as many as there are commas and one
 * more; what follows it, or NULL. */
static const char *
read_array(const char *s, int32_t *ids, size_t *n)
{
    *n = 0;
    if (*s != '[')
        return NULL;
    s = skip_space(s + 1);
    if (*s == ']')
        return s + 1;
    for (;;) {
        s = read_id(s, &ids[*n]);
        if (s == NULL)
            return NULL;
        ++*n;
        s = skip_space(s);
        if (*s == ']')
            return s + 1;
        if (*s != ',')
            return NULL;
        s = skip_space(s + 1);
    }
}

/* The array alone, or {"ids": array}. */
static int
parse(const char *text, size_t len, int32_t *ids, size_t *n)
{
    const char *s = skip_space(text);
    bool object = *s == '{';

    if (object) {
        s = skip_space(s + 1);
        if (strncmp(s, "\"ids\"", 5) != 0)
            return -1;
        s = skip_space(s + 5);
        if (*s != ':')
            return -1;
        s = skip_space(s + 1);
    }
    s = read_array(s, ids, n);
    if (s == NULL)
        return -1;
    if (object) {
        s = skip_space(s);
        if (*s++ != '}')
            return -1;
    }
    return skip_space(s) == text + len ? 0 : -1;
}

int
sov_prompt_ids(const char *path, const char *model, int32_t **ids, size_t *n,
               struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    size_t room = 1;
    int rc = check_stdin(path, model, err);

    *ids = NULL;
    if (rc == 0)
        rc = read_named(path, TEXT_MAX, &text, &len, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        room += text[i] == ',';
    *ids = calloc(room, sizeof(**ids));
    if (*ids == NULL)
        rc = no_memory(err);
    else if (parse(text, len, *ids, n) < 0)
        rc = sov_fail(err, SOV_EFORMAT, "%s: not a JSON array of token ids",
                      sov_name_in(path));
    if (rc < 0) {
        free(*ids);
        *ids = NULL;
    }
    free(text);
    return rc;
}
