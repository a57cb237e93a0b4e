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
    { "ab\n {{ x.y.z }}", "line 2, column 9: there is no 'y' in the value" },
    { "{{ zz.y }}", "line 1, column 7: 'zz' is undefined" },
    { "é{{ 1 + 'a' }}", "line 1, column 7: a int + a str" },
    { "{{ 'a' + zz }}", "'zz' is undefined" },
    { "{{ x|nofilter }}", "there is no filter 'nofilter'" },
    { "{{ x is notest }}", "there is no test 'notest'" },
    { "{{ s.nomethod() }}", "a str has no method 'nomethod'" },
    { "{{ x() }}", "a int cannot be called" },
    { "{{ raise_exception('no ' ~ x) }}", "the template refuses: no 5" },
    { "{{ 1 // 0 }}", "division by zero" },
    { "{{ 1 % 0 }}{{ 1.5 % 0 }}", "division by zero" },
    { "{{ 9223372036854775807 + 1 }}", "an integer of more than 64 bits" },
    { "{{ 9223372036854775808 }}", "a number of more than 64 bits" },
    { "{{ 2 ** 64 }}", "an integer of more than 64 bits" },
    { "{{ x( }}", "a bracket that closes none before it" },
    { "{% if x %}", "line 1, column 4: a statement that does not end" },
    { "{% endif %}", "not 'endif'" },
    { "{% if x %}{% endfor %}", "not 'endfor'" },
    { "{% else %}", "an if or for before it" },
    { "{% elif x %}", "an if before it" },
    { "{% if x %}{% else %}{% else %}{% endif %}", "an if or for before it" },
    { "{{ 'abc }}", "a string that does not end" },
    { "{{ x", "a tag that does not end" },
    { "{# x", "a comment that does not end" },
    { "{% raw %} x", "raw text that does not end" },
    { "{% for %}{% endfor %}", "expected a name, not '%}'" },
    { "{% for x of y %}{% endfor %}", "expected 'in', not 'of'" },
    { "{% for x in l %}{{ loop(l) }}{% endfor %}",
      "a loop that is not recursive is called" },
    { "{% for x in l recursive %}{{ loop() }}{% endfor %}",
      "a loop takes one argument" },
    { "{% for x in l recursive %}{{ loop(x) }}{% endfor %}",
      "a int has no items" },
    { "{% for x in l if recursive recursive y %}{% endfor %}",
      "expected '%}', not 'recursive'" },
    { "{{ f(*l, 1) }}", "name=value, as before" },
    { "{{ f(a=1, *l) }}", "another order than x, *list, name=x, **dict" },
    { "{{ f(**d, *l) }}", "another order" },
    { "{{ f(**d, a=1) }}", "nothing behind **" },
    { "{{ f(*) }}", "expected a value" },
    { "{{ (*l) }}", "expected a value" },
    { "{{ range(*x) }}", "a int has no items" },
    { "{{ dict(**l) }}", "named arguments from a list" },
    { "{{ dict(**{1: 2}) }}", "a name that is a int" },
    { "{{ a b }}", "expected '}}', not 'b'" },
    { "{{ }}", "expected a value, not '}}'" },
    { "{{ x + }}", "expected a value" },
    { "{{ x if }}", "expected a value" },
    { "{{ x if y else }}", "expected a value" },
    { "{{ {'a'} }}", "expected ':'" },
    { "{{ {'a': } }}", "expected a value" },
    { "{{ f(a=1, 2) }}", "name=value, as before" },
    { "{{ f(a=) }}", "expected a value" },
    { "{{ x|tojson(sort_keys=indent=true) }}", "end of a bracket, not '='" },
    { "{{ [1, 2 3] }}", "the end of a bracket" },
    { "{{ l[] }}", "expected a value" },
    { "{{ l[1:2:3:4] }}", "the end of a bracket" },
    { "{{ $ }}", "a character that means nothing here" },
    { "{{ '\\ud8' }}", "an escape that is cut short" },
    { "{% include 'x' %}", "{% include %}: a chat template is one file" },
    { "{% from 'x' import y %}", "{% from %}: a chat template is one file" },
    { "{% extends 'x' %}", "{% extends %}: a chat template is one file" },
    { "{% block x %}{% endblock %}", "{% block %}: a chat template is one" },
    { "{% nothing %}", "a statement that is known" },
    { "{% break %}", "a loop around it" },
    { "{% for i in l %}{% set a %}{% break %}{% endset %}{% endfor %}",
      "a loop around it" },
    { "{% call x %}{% endcall %}", "a call before it" },
    { "{% set x.y = 1 %}", "attributes are set of namespaces alone" },
    { "{% set a, b = l %}", "3 values for 2 names" },
    { "{% for a, b in l %}{% endfor %}", "a int has no items" },
    { "{% for a in x %}{% endfor %}", "a int has no items" },
    { "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "macro 'm' takes 1" },
    { "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "macro 'm' takes 1" },
    { "{{ {[1]: 2} }}", "a list cannot be the key of a dict" },
    { "{{ [1] < 3 }}", "a list and a int have no order" },
    { "{{ l|sort|map }}", "map without a filter" },
    { "{{ zz|tojson }}", "'zz' is undefined" },
    { "{{ range|tojson }}", "a function is nothing that JSON has" },
    { "{{ l[::0] }}", "a slice with a step of 0" },
    { "{{ 'a'.split('') }}", "split by nothing" },
    { "{{ '%d' % 'a' }}", "a str is formatted as a number" },
    { "{{ '%s %s' % 'a' }}", "not enough values" },
    { "{{ '%q' % 1 }}", "a format with %q" },
    { "{{ '{' .format() }}", "no value for" },
    { "{{ [].pop() }}", "pop of what is not in the list" },
    { "{{ 3 in 4 }}", "nothing can be in a int" },
    { "{{ 3 in 'a' }}", "a int is looked for in a str" },
    { "{{ '%2000d' % 1 }}", "a width of 1000 or more" },
    { "{{ '%1000000000d' % 1 }}", "a width of 1000 or more" },
    { "{{ '{:1000}'.format('a') }}", "a width of 1000 or more" },
    { "{{ s|indent(1001) }}", "an indent of 1001; the limit is 1000" },
    { "{{ l|tojson(indent=1001) }}", "an indent of 1001; the limit is 1000" },
    { "{{ s|center(100001) }}", "a width of 100001; the limit is 100000" },
    { "{{ s.ljust(5, 'ab') }}", "filled with one character" },
    { "{{ s|truncate(2) }}", "truncate to 2 characters" },
    { "{{ s.partition('') }}", "split by nothing" },
    { "{{ l|slice(0) }}", "0 slices" },
    { "{{ {'a b': 1}|xmlattr }}", "a name that no attribute can have" },
    { "{{ '{'|from_json }}", "from_json: " },
    { "{{ '1, 2'|from_json }}", "from_json: not one value" },
    { "{{ ''|from_json }}", "from_json: not one value" },
    { "\xff", "not UTF-8, at byte 0" },
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
