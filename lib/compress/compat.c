/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat.c - which types older readers know
 */
#include "sov/allot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST 20230821 /* the day of GGUF */

#define BUILD(number, date)
#define KNOWN(type, date) { SOV_TYPE_##type, date },
static const struct known {
    enum sov_type type;
    uint32_t date;
} known[] = {
#include "compress/compat.def"
};
#undef BUILD
#undef KNOWN

#define KNOWN(type, date)
#define BUILD(number, date) { number, date },
static const struct build {
    uint32_t number;
    uint32_t date;
} builds[] = {
#include "compress/compat.def"
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

uint32_t
sov_compat_since(enum sov_type type)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (known[i].type == type)
            return known[i].date;
    return UINT32_MAX;
}

/* n digits; false: there is something else. */
static bool
digits(const char *text, size_t n, uint32_t *value)
{
    *value = 0;
    if (strspn(text, "0123456789") < n)
        return false;
    for (size_t i = 0; i < n; i++)
        *value = *value * 10 + (uint32_t)(text[i] - '0');
    return true;
}

/* The day of the last release known that is not newer; 0: there is none. */
static uint32_t
day_of(uint32_t number)
{
    uint32_t date = 0;

    for (size_t i = 0; i < COUNT(builds); i++)
        if (builds[i].number <= number)
            date = builds[i].date;
    return date;
}

static bool
read_release(const char *text, uint32_t *date)
{
    size_t n = strlen(text);
    uint32_t number;

    if (text[0] != 'b' || n < 2 || n > 7 || !digits(text + 1, n - 1, &number))
        return false;
    *date = day_of(number);
    return true;
}

static bool
read_date(const char *text, uint32_t *date)
{
    size_t n = strlen(text);
    uint32_t year, month, day = 1;

    if ((n != 7 && n != 10) || !digits(text, 4, &year) || text[4] != '-' ||
        !digits(text + 5, 2, &month))
        return false;
    if (n == 10 && (text[7] != '-' || !digits(text + 8, 2, &day)))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *date = year * 10000 + month * 100 + day;
    return true;
}

int
sov_compat_parse(uint32_t *date, const char *text, struct sov_err *err)
{
    uint32_t d;

    if (!read_release(text, &d) && !read_date(text, &d))
        return sov_fail(err, SOV_EARG,
                        "'%s' is neither a day (2024-02-27) nor a release of "
                        "llama.cpp (b4000)",
                        text);
    if (d < FIRST)
        return sov_fail(err, SOV_EARG,
                        "'%s' is older than GGUF, which began on 2023-08-21 "
                        "with b1046",
                        text);
    *date = d;
    return 0;
}
