/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fit.c - messages as they are given, for templates that want them otherwise
 */
#include "unit.h"

#include "sov/chat.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ALL(what)     "{% for m in messages %}" what "{% endfor %}"
#define CALLS(what)   ALL("{% for c in m.tool_calls %}" what "{% endfor %}")
#define USER(content) "[{\"role\":\"user\",\"content\":" content "}]"
#define PARTS                                     \
    USER("[{\"type\":\"text\",\"text\":\"one\"}," \
         "{\"type\":\"text\",\"text\":\"two\"}]")
#define CALL(content, args)                                                   \
    "[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\"" content \
    ",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","                  \
    "\"function\":{\"name\":\"f\",\"arguments\":" args "}}]}]"
#define TEXT_ARGS   "\"{\\\"k\\\": \\\"v\\\"}\""
#define OBJECT_ARGS "{\"k\":\"v\"}"

static const struct {
    const char *template;
    const char *messages;
    const char *want;
} cases[] = {
    /* content as a list of texts, and as one */
    { ALL("{{ m.content }}"), PARTS, "one\ntwo" },
    { ALL("{{ m.content|trim }}|"), PARTS, "one\ntwo|" },
    { ALL("{{ m.content|tojson }}"), PARTS, "\"one\\ntwo\"" },
    { ALL("{{ 'x' + m.content }}"), PARTS, "xone\ntwo" },
    { ALL("{% if m.content is string %}{{ m.content }}{% else %}"
          "{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endif %}"),
      PARTS, "[one][two]" },
    { ALL("{% for p in m.content %}{{ p.text }}{% endfor %}"), USER("\"abc\""),
      "abc" },
    { ALL("{% for p in m.content %}{{ p['text'] + '.' }}{% endfor %}"),
      USER("\"abc\""), "abc." },
    { ALL("{{ m.role }}"), USER("\"abc\""), "user" },
    { ALL("{{ m.role }}"), PARTS, "user" },
    { ALL("{{ m.content }}"), USER("[]"), "[]" },
    { ALL("{{ m.content }}"), USER("[1, 2]"), "[1, 2]" },
    { ALL("{{ m.content.x }}"), USER("{\"x\":3}"), "3" },
    /* arguments of calls as text and as an object */
    { CALLS("{{ c.function.arguments|tojson }}"), CALL("", TEXT_ARGS),
      "{\"k\": \"v\"}" },
    { CALLS("{{ c.function|tojson }}"), CALL("", TEXT_ARGS),
      "{\"name\": \"f\", \"arguments\": {\"k\": \"v\"}}" },
    { CALLS("{{ c.function.arguments|tojson }}"), CALL("", OBJECT_ARGS),
      "{\"k\": \"v\"}" },
    { CALLS("{{ c.function.arguments }}"), CALL("", OBJECT_ARGS),
      "{\"k\": \"v\"}" },
    { CALLS("{{ c.function.arguments }}"), CALL("", TEXT_ARGS),
      "{\"k\": \"v\"}" },
    { CALLS("{{ 'a:' + c.function.arguments }}"), CALL("", OBJECT_ARGS),
      "a:{\"k\": \"v\"}" },
    { CALLS("{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}"
            "{% endfor %}"),
      CALL("", TEXT_ARGS), "k=v" },
    { CALLS("{% if c.function.arguments is mapping %}{{ c.function.arguments.k "
            "~ 'k' }}{% endif %}"),
      CALL("", TEXT_ARGS), "vk" },
    { CALLS("{{ c.function.arguments }}"), CALL("", "\"{k\""), "{k" },
    { CALLS("{{ c.function.arguments }}"), CALL("", "{}"), "{}" },
    /* nothing said beside a call */
    { ALL("{{ m.content }};"), CALL(",\"content\":null", "{}"), "hi;;" },
    { ALL("{{ m['content'] + '' }};"), CALL("", "{}"), "hi;;" },
    { ALL("{{ m['content'] + '' }};"), CALL(",\"content\":null", "{}"),
      "hi;;" },
    { ALL("{% if m.content is none %}N{% endif %}"),
      CALL(",\"content\":null", "{}"), "N" },
    { ALL("{% if m.content is defined %}d{% endif %}"), CALL("", "{}"), "d" },
    { ALL("None;"), CALL(",\"content\":null", "{}"), "None;None;" },
    { ALL("None{{ m.content }};"), CALL(",\"content\":null", "{}"),
      "Nonehi;None;" },
    /* roles */
    { ALL("{{ m.role }}"), "[{\"role\":\"developer\",\"content\":\"\"}]",
      "system" },
    { ALL("{% if m.role == 'developer' %}D{% endif %}"),
      "[{\"role\":\"developer\",\"content\":\"\"}]", "D" },
    { ALL("{{ m.role[0] }}"),
      "[{\"role\":\"user\",\"content\":\"\"},{\"role\":\"user\"},"
      "{\"role\":\"tool\",\"tool_call_id\":\"x\"}]",
      "uut" },
};

static int
render(const char *template, const char *messages, struct sov_chat_text *text,
       struct sov_err *err)
{
    const struct sov_chat_opts opts = { 0 };
    sov_dialog *d = NULL;
    sov_chat *chat = NULL;
    int rc = sov_dialog_new(&d, err);

    *text = (struct sov_chat_text){ 0 };
    if (rc == 0)
        rc = sov_dialog_parse(d, messages, strlen(messages), err);
    if (rc == 0)
        rc = sov_chat_new(&chat, template, strlen(template), err);
    if (rc == 0)
        rc = sov_chat_render(chat, d, &opts, text, err);
    sov_chat_free(chat);
    sov_dialog_free(d);
    return rc;
}

START_TEST(messages_are_made_to_fit)
{
    struct sov_chat_text text;
    struct sov_err err = { 0 };
    int rc = render(cases[_i].template, cases[_i].messages, &text, &err);

    ck_assert_msg(rc == 0, "%s: %s", cases[_i].template, err.msg);
    ck_assert_msg(strcmp(text.p, cases[_i].want) == 0, "%s\ngives %s\nnot   %s",
                  cases[_i].template, text.p, cases[_i].want);
    sov_chat_text_free(&text);
}
END_TEST

START_TEST(what_is_no_text_is_refused)
{
    static const char *const parts[] = {
        "{\"type\":\"image\"}",
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}}",
        "{\"type\":\"input_audio\"}",
        "{\"type\":\"video\"}",
        "{\"type\":\"file\"}",
    };
    struct sov_chat_text text;
    struct sov_err err;
    char json[200];

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        snprintf(json, sizeof(json),
                 USER("[{\"type\":\"text\",\"text\":\"a\"},%s]"), parts[i]);
        ck_assert_int_eq(render("x", json, &text, &err), SOV_EUNSUP);
        ck_assert_ptr_nonnull(strstr(err.msg, "message 1 has a part of type"));
    }
}
END_TEST

/* What a template refuses is what is told, and the first of several errors. */
START_TEST(the_first_error_is_told)
{
    struct sov_chat_text text;
    struct sov_err err;

    ck_assert_int_lt(render(ALL("{% if loop.index > 1 %}"
                                "{{ raise_exception('one\nonly') }}"
                                "{% endif %}"),
                            CALL("", TEXT_ARGS), &text, &err),
                     0);
    ck_assert_ptr_nonnull(strstr(err.msg, "the template refuses: one"));
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    ck_assert_int_lt(render(ALL("{{ zz.y }}"), PARTS, &text, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.msg, "'zz' is undefined"));
}
END_TEST

/* All that is tried has the steps of one render. */
START_TEST(attempts_have_one_limit)
{
    struct sov_chat_text text;
    struct sov_err err;
    clock_t start = clock();

    ck_assert_int_lt(
        render(ALL("{% for a in range(100000) %}{% for b in range(100000) %}"
                   "{% endfor %}{% endfor %}"),
               CALL(",\"content\":null", TEXT_ARGS), &text, &err),
        0);
    ck_assert_ptr_nonnull(strstr(err.msg, "steps, which is the limit"));
    ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 10);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("fit");

    tcase_add_loop_test(tc, messages_are_made_to_fit, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, what_is_no_text_is_refused);
    tcase_add_test(tc, the_first_error_is_told);
    tcase_add_test(tc, attempts_have_one_limit);
    return unit_main("fit", tc);
}
