/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prom.c - what files for Prometheus have in common
 */
#include "cli/prom.h"

#include "cli/text.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX 1024

void
sov_prom_label(char *buf, size_t size, const char *name, const char *value)
{
    size_t len = strlen(buf), need = strlen(name) + 4;
    char safe[VALUE_MAX];
    int n;

    if (len + need > size)
        return;
    n = snprintf(buf + len, size - len, "%s=\"", name);
    len += (size_t)n;
    sov_text_escape(safe, sizeof(safe), value);
    for (const char *p = safe; *p != '\0' && len + 4 < size; p++) {
        if (*p == '"' || *p == '\\')
            buf[len++] = '\\';
        buf[len++] = *p;
    }
    buf[len++] = '"';
    buf[len] = '\0';
}
