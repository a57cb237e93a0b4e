/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_screen.c - what can be shown where standard output goes
 */
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS     80
#define COLUMNS_MIN 40

bool
sov_tool_color(void)
{
    const char *term = getenv("TERM");

    return !sov_common.no_color && getenv("NO_COLOR") == NULL &&
           (term == NULL || strcmp(term, "dumb") != 0) &&
           sov_tool_tty(STDOUT_FILENO);
}

size_t
sov_tool_columns(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize w = { 0 };
    long n = 0;

    if (columns != NULL)
        n = strtol(columns, NULL, 10);
    else if (sov_tool_tty(STDOUT_FILENO) &&
             ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
        n = w.ws_col;
    if (n <= 0)
        n = COLUMNS;
    return (size_t)(n < COLUMNS_MIN       ? COLUMNS_MIN
                    : n > SOV_COLUMNS_MAX ? SOV_COLUMNS_MAX
                                          : n);
}

bool
sov_tool_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL ||
                   strcasestr(value, "utf8") != NULL;
    }
    return false;
}
