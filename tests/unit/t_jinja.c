/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_jinja.c - chat templates: meaning, errors, marks and limits
 */
#include "unit.h"

#include "base/json.h"
#include "base/limits.h"
#include "jinja/jinja.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CASE_VARS(json) static const char case_vars[] = json;
#include "jinja_cases.def"
#undef CASE_VARS

struct pair {
    const char *template;
    const char *want;
};

static const struct pair cases[] = {
#define CASE(template, want) { template, want },
#include "jinja_cases.def"
#undef CASE
};

#define MAX_VARS 32

static int
render_with(const char *template, size_t len, const json_t *vars,
            struct sov_jinja_text *text, struct sov_err *err)
{
    static const char *const words[] = { "user", "system", NULL };
    struct sov_jinja_var var[MAX_VARS];
    struct sov_jinja_opts opts = {
        .var = var,
        .key = "role",
        .words = words,
        /* Friday, 20 November 2026, 20:00 */
        .now = { .tm_year = 126,
                 .tm_mon = 10,
                 .tm_mday = 20,
                 .tm_wday = 5,
                 .tm_yday = 323,
                 .tm_hour = 20 },
    };
    struct sov_jinja *t;
    const char *name;
    json_t *v;
    int rc = sov_jinja_parse(&t, template, len, err);

    *text = (struct sov_jinja_text){ 0 };
    if (rc < 0) {
        ck_assert_ptr_null(t);
        return rc;
    }
    json_object_foreach((json_t *)vars, name, v) var[opts.n_var++] =
        (struct sov_jinja_var){ name, v, strstr(name, "_token") != NULL };
    rc = sov_jinja_render(t, &opts, text, err);
    sov_jinja_free(t);
    return rc;
}

static json_t *
vars_of(const char *json)
{
    struct sov_err err;
    json_t *vars;

    ck_assert_msg(sov_json_parse(json, strlen(json), &vars, &err) == 0, "%s",
                  err.msg);
    return vars;
}

START_TEST(templates_mean_what_jinja_says)
{
    const struct pair *p = &cases[_i];
    json_t *vars = vars_of(case_vars);
    struct sov_jinja_text text;
    struct sov_err err = { 0 };
    int rc = render_with(p->template, strlen(p->template), vars, &text, &err);

    ck_assert_msg(rc == 0, "%s\n%s", p->template, err.msg);
    ck_assert_msg(strcmp(text.p, p->want) == 0, "%s\ngives %s\nnot   %s",
                  p->template, text.p, p->want);
    ck_assert_uint_eq(text.len, strlen(p->want));
    sov_jinja_text_free(&text);
    json_decref(vars);
}
END_TEST

/* ---- what is wrong, and where */

static const struct pair wrong[] = {
#define WRONG(template, words) { template, words },
#include "jinja_wrong.def"
#undef WRONG
};

START_TEST(errors_say_where)
{
    const struct pair *p = &wrong[_i];
    json_t *vars = vars_of(case_vars);
    struct sov_jinja_text text;
    struct sov_err err = { 0 };
    int rc = render_with(p->template, strlen(p->template), vars, &text, &err);

    ck_assert_msg(rc < 0, "%s gives %s", p->template, text.p);
    ck_assert_msg(strstr(err.msg, p->want) != NULL, "%s: %s", p->template,
                  err.msg);
    ck_assert_ptr_null(text.p);
    ck_assert_int_eq(text.refused,
                     strstr(p->template, "raise_exception") != NULL);
    json_decref(vars);
}
END_TEST

/* ---- marks: '.' the template's own, '#' given */

static const struct pair marks[] = {
    { "a{{ s }}b", ".#####." },
    { "{{ 'x' ~ s ~ 'y' }}", ".#####." },
    { "{{ ('x' ~ s)[1:3] }}{{ s[0] }}{{ ('x' ~ s)[0] }}", "###." },
    { "{{ s|upper }}{{ 'x'|upper }}", "#####." },
    { "{{ s|replace('l', '-') }}", "##..#" },
    { "{{ 'a-b'|replace('-', s) }}", ".#####." },
    { "{{ [s, 'k'] }}", "..#####......." },
    { "{{ {'k': s}|tojson }}", ".......#####.." },
    { "{{ m|tojson }}",
      /* role is a word that counts as the template's own */
      "...####............#######....##..." },
    { "{{ m[0].role }}{{ m[0].content }}", "....##" },
    { "{{ s.split('l')|join('+') }}", "##..#" },
    { "{% set x %}<{{ s }}>{% endset %}{{ x }}{{ x|trim('<') }}",
      ".#####.#####." },
    { "{% macro f(a) %}[{{ a }}]{% endmacro %}{{ f(s) }}", ".#####." },
    { "{% filter upper %}x{{ s }}{% endfilter %}", ".#####" },
    { "{{ '%s!' % s }}{{ '{}?'.format(s) }}", "#####.#####." },
    { "{{ bos_token }}{{ 12 }}{{ n }}", "......" },
    { "{% for c in 'a' ~ s %}{{ c }}{% endfor %}", ".#####" },
    { "{{ s|indent(2, true) }}{{ s|e }}{{ s ~ '' }}", "..###############" },
    { "{{ s if s == 'hello' else 'no' }}", "#####" },
    { "{{ ('x' ~ s)|capitalize }}{{ ('x' ~ s)|reverse }}", ".##########." },
    { "{{ s * 2 }}{{ ('x' ~ s) * 2 }}", "##########.#####.#####" },
    { "{{ {'user': 'x'}[m[0].role] }}{{ m[0]|length }}", ".." },
};

START_TEST(marks_follow_the_bytes)
{
    json_t *vars = vars_of("{\"s\":\"hello\",\"n\":7,\"bos_token\":\"<s>\","
                           "\"m\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    struct sov_jinja_text text;
    struct sov_err err = { 0 };
    int rc = render_with(marks[_i].template, strlen(marks[_i].template), vars,
                         &text, &err);

    ck_assert_msg(rc == 0, "%s: %s", marks[_i].template, err.msg);
    for (size_t i = 0; i < text.len; i++)
        text.mark[i] = text.mark[i] ? '#' : '.';
    ck_assert_msg(text.len == strlen(marks[_i].want), "%s: %s",
                  marks[_i].template, text.p);
    for (size_t i = 0; i < text.len; i++)
        ck_assert_msg((marks[_i].want[i] == '#') == (text.mark[i] == '#'),
                      "%s: %s\n%.*s", marks[_i].template, text.p, (int)text.len,
                      (const char *)text.mark);
    sov_jinja_text_free(&text);
    json_decref(vars);
}
END_TEST

/* ---- limits */

/* x is a text of 4 MiB */
#define BIG                                                                  \
    "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(19) %}"          \
    "{% set n.s = n.s ~ n.s %}{% endfor %}{% set x = n.s %}"

static const struct pair hostile[] = {
    { "{{ range(10**9) }}", "a range of 1000000000 numbers" },
    { "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}"
      "{% endfor %}",
      "steps, which is the limit" },
    { "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
      "nested deeper than 200" },
    { "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
      "{% endmacro %}{{ m(64) }}",
      "steps, which is the limit" },
    { "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}"
      "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "which is the limit" },
    { "{{ 'x' * 10**12 }}", "which is the limit" },
    { "{{ [0] * 10**12 }}", "which is the limit" },
    { "{% set x = 'y' * 1000000 %}{% for i in range(1000) %}{{ x }}"
      "{% endfor %}",
      "67108864 bytes of text" },
    { "{% set ns = namespace(l=[]) %}{% for i in range(300) %}"
      "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
      "deeper than 200" },
    { "{% set ns = namespace(l=[]) %}{% for i in range(300) %}"
      "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
      "deeper than 200" },
    { "{% set l = [] %}{% set x = l.append(l) %}{{ l }}", "deeper than 200" },
    { "{% set l = [] %}{% set x = l.append(l) %}{{ l|tojson }}",
      "deeper than 200" },
    { "{% set n = namespace() %}{% set n.n = n %}{{ n }}", "deeper than 200" },
    { "{% set l = [] %}{% set x = l.append(l) %}{% for i in range(9) %}"
      "{% set x = l.extend(l) %}{% endfor %}{{ l }}",
      "which is the limit" },
    { "{% set l = [1] %}{% for i in range(99) %}{% set x = l.extend(l) %}"
      "{% endfor %}",
      "which is the limit" },
    { "{% set x = 'ab' * 100000 %}{% for i in range(100000) %}"
      "{% set y = x.replace('a', 'bb') %}{% endfor %}",
      "which is the limit" },
    { "{% set x = range(90000)|list %}{% for i in range(100000) %}"
      "{% set y = i in x %}{% endfor %}",
      "which is the limit" },
    { "{% set x = 'é' * 500000 %}{% for i in range(100000) %}"
      "{% set y = x[i] %}{% endfor %}",
      "which is the limit" },
    { "{% set x = range(90000)|list %}{% for i in range(1000) %}"
      "{% set y = x|sort(reverse=true) %}{% endfor %}",
      "which is the limit" },
    { "{{ strftime_now('%9999999d') }}", "a date of more than" },
    { "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "nested deeper than 200" },
    { "{% for x in range(9) recursive %}{{ loop(range(9)) if loop.depth < 99 }}"
      "{% endfor %}",
      "steps, which is the limit" },
    { "{{ 10 ** 10 ** 10 }}", "an integer of more than 64 bits" },
    { "{% set n = namespace(s='xx') %}{% for i in range(99) %}"
      "{% set n.s = n.s|replace('x', 'xx') %}{% endfor %}",
      "which is the limit" },
    /* what makes nothing, and takes long */
    { BIG "{% set y = x ~ '' %}"
      "{% for i in range(100000) %}{% if x == y %}{% endif %}{% endfor %}",
      "which is the limit" },
    { BIG "{% set d = {x: 1} %}{% set y = x ~ '' %}"
      "{% for i in range(100000) %}{% if d[y] %}{% endif %}{% endfor %}",
      "which is the limit" },
    { BIG "{% for i in range(100000) %}"
      "{% if x.startswith(x) %}{% endif %}{% endfor %}",
      "which is the limit" },
    { BIG "{% for i in range(100000) %}"
      "{% if x.splitlines() %}{% endif %}{% endfor %}",
      "which is the limit" },
    { BIG "{% for i in range(100000) %}"
      "{% if x.split() %}{% endif %}{% endfor %}",
      "which is the limit" },
    { BIG "{{ x.rfind(x[1:450000] ~ 'b') }}",
      "which is the limit" },
    { BIG "{% for i in range(100000) %}"
      "{% if x|truncate(5000000) is string %}{% endif %}{% endfor %}",
      "which is the limit" },
    { "{{ range(100000)|list|map('string')|join|from_json }}",
      "from_json: " },
};

START_TEST(hostile_templates_end)
{
    const struct pair *p = &hostile[_i];
    struct sov_jinja_text text;
    struct sov_err err = { 0 };
    json_t *vars = vars_of("{}");
    clock_t start = clock();
    int rc = render_with(p->template, strlen(p->template), vars, &text, &err);
    double s = (double)(clock() - start) / CLOCKS_PER_SEC;

    ck_assert_msg(rc < 0, "%s ends well", p->template);
    ck_assert_msg(strstr(err.msg, p->want) != NULL, "%s: %s", p->template,
                  err.msg);
    ck_assert_msg(strstr(err.msg, "line 1, column ") == err.msg, "%s", err.msg);
    if (getenv("SOV_VERBOSE") != NULL)
        printf("%.3f s  %s\n", s, err.msg);
    ck_assert_msg(s < 10, "%g s: %s", s, p->template);
    json_decref(vars);
}
END_TEST

/* What nests: so many times open, then middle, then close. */
static const struct {
    const char *open, *middle, *close;
} nests[] = {
    { "(", "1", ")" },
    { "[", "1", "]" },
    { "{1:", "1", "}" },
    { "f(", "1", ")" },
    { "l[", "0", "]" },
    { "-", "1", "" },
    { "not ", "1", "" },
    { "1 if 1 else ", "1", "" },
    { "x|f(", "1", ")" },
    { "x is eq(", "1", ")" },
    { "{% if 1 %}", "x", "{% endif %}" },
    { "{% for x in l %}", "x", "{% endfor %}" },
    { "{% macro m() %}", "x", "{% endmacro %}" },
    { "{% set x %}", "x", "{% endset %}" },
    { "{% filter upper %}", "x", "{% endfilter %}" },
};

static size_t
nest(char *buf, int which, int times)
{
    bool tags = nests[which].open[0] == '{' && nests[which].open[1] == '%';
    char *p = buf;

    p += sprintf(p, "%s", tags ? "" : "{{ ");
    for (int i = 0; i < times; i++)
        p += sprintf(p, "%s", nests[which].open);
    p += sprintf(p, "%s", nests[which].middle);
    for (int i = 0; i < times; i++)
        p += sprintf(p, "%s", nests[which].close);
    p += sprintf(p, "%s", tags ? "" : " }}");
    return (size_t)(p - buf);
}

START_TEST(nesting_has_a_limit)
{
    static char buf[200000];
    struct sov_jinja *t;
    struct sov_err err = { 0 };
    size_t len = nest(buf, _i, SOV_TEMPLATE_DEPTH - 2);

    ck_assert_msg(sov_jinja_parse(&t, buf, len, &err) == 0, "%.20s: %s", buf,
                  err.msg);
    sov_jinja_free(t);
    len = nest(buf, _i, SOV_TEMPLATE_DEPTH + 1);
    ck_assert_msg(sov_jinja_parse(&t, buf, len, &err) < 0, "%.20s", buf);
    ck_assert_ptr_nonnull(strstr(err.msg, "nested deeper than"));
    len = nest(buf, _i, 5000);
    ck_assert_int_lt(sov_jinja_parse(&t, buf, len, &err), 0);
}
END_TEST

START_TEST(a_template_has_a_size)
{
    char *big = malloc(SOV_TEMPLATE_MAX + 1);
    struct sov_jinja *t;
    struct sov_err err;

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', SOV_TEMPLATE_MAX + 1);
    ck_assert_int_eq(sov_jinja_parse(&t, big, SOV_TEMPLATE_MAX, &err), 0);
    sov_jinja_free(t);
    ck_assert_int_eq(sov_jinja_parse(&t, big, SOV_TEMPLATE_MAX + 1, &err),
                     SOV_EFORMAT);
    free(big);
}
END_TEST

START_TEST(names_are_known)
{
    static const char text[] = "{% if tools is defined %}{{ x.y }}{% endif %}";
    struct sov_jinja *t;
    struct sov_err err;

    ck_assert_int_eq(sov_jinja_parse(&t, text, strlen(text), &err), 0);
    ck_assert(sov_jinja_uses(t, "tools"));
    ck_assert(sov_jinja_uses(t, "x"));
    ck_assert(!sov_jinja_uses(t, "y"));
    sov_jinja_free(t);
    sov_jinja_free(NULL);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

int
main(void)
{
    TCase *tc = tcase_create("jinja");

    tcase_add_loop_test(tc, templates_mean_what_jinja_says, 0, COUNT(cases));
    tcase_add_loop_test(tc, errors_say_where, 0, COUNT(wrong));
    tcase_add_loop_test(tc, marks_follow_the_bytes, 0, COUNT(marks));
    tcase_add_loop_test(tc, hostile_templates_end, 0, COUNT(hostile));
    tcase_add_loop_test(tc, nesting_has_a_limit, 0, COUNT(nests));
    tcase_add_test(tc, a_template_has_a_size);
    tcase_add_test(tc, names_are_known);
    return unit_main("jinja", tc);
}
