/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_chat.c - dialogs, and templates that are given what they ask for
 */
#include "unit.h"

#include "base/limits.h"
#include "sov/chat.h"

#include <string.h>

static const struct sov_chat_opts friday = {
    .answer = true,
    .now = { .tm_year = 126, .tm_mon = 10, .tm_mday = 20, .tm_wday = 5 },
};

static sov_dialog *
new_dialog(void)
{
    sov_dialog *d;

    ck_assert_int_eq(sov_dialog_new(&d, NULL), 0);
    return d;
}

static int
parse(sov_dialog *d, const char *json, struct sov_err *err)
{
    return sov_dialog_parse(d, json, strlen(json), err);
}

/* What template makes of d; NULL, and err says why. */
static char *
try_render(const char *template, const sov_dialog *d,
           const struct sov_chat_opts *opts, bool *merged, struct sov_err *err)
{
    struct sov_chat_text text;
    sov_chat *chat;

    ck_assert_msg(sov_chat_new(&chat, template, strlen(template), err) == 0,
                  "%s", err->msg);
    if (sov_chat_render(chat, d, opts, &text, err) < 0)
        text.p = NULL;
    *merged = text.merged;
    free(text.mark);
    sov_chat_free(chat);
    return text.p;
}

static void
renders(const char *template, const sov_dialog *d, const char *want)
{
    struct sov_err err = { 0 };
    bool merged;
    char *p = try_render(template, d, &friday, &merged, &err);

    ck_assert_msg(p != NULL, "%s: %s", template, err.msg);
    ck_assert_str_eq(p, want);
    free(p);
}

START_TEST(presets_are_there)
{
    sov_dialog *d = new_dialog();
    struct sov_chat_opts opts = friday;
    struct sov_err err;
    bool merged;
    char *p;

    renders("{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}"
            "{{ enable_thinking }}{{ date_string }}{{ messages }}"
            "{{ tools is defined }}",
            d, "<s></s>TrueTrue20 Nov 2026[]False");
    renders("{{ strftime_now('%A %d.%m.%y') }}", d, "Friday 20.11.26");
    opts.answer = false;
    opts.bos = "<|b|>";
    opts.eos = "";
    p = try_render("{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}",
                   d, &opts, &merged, &err);
    ck_assert_str_eq(p, "<|b|>False");
    free(p);
    sov_dialog_free(d);
}
END_TEST

START_TEST(messages_are_kept_in_order)
{
    sov_dialog *d = new_dialog();
    static const char all[] = "{% for m in messages %}{{ m.role }}="
                              "{{ m.content }};{% endfor %}";

    ck_assert_int_eq(sov_dialog_add(d, "user", "a", 1, NULL), 0);
    ck_assert_int_eq(sov_dialog_add(d, "assistant", "b\xff\0c", 4, NULL), 0);
    ck_assert_int_eq(sov_dialog_begin(d, "system", "s", 1, NULL), 0);
    ck_assert_uint_eq(sov_dialog_count(d), 3);
    ck_assert_str_eq(sov_dialog_role(d, 0), "system");
    ck_assert_ptr_null(sov_dialog_role(d, 3));
    renders("{{ messages[2].content|length }}", d, "4");
    sov_dialog_cut(d, 2);
    sov_dialog_cut(d, 5);
    renders(all, d, "system=s;user=a;");
    ck_assert_int_eq(parse(d, "[{\"role\":\"user\",\"content\":\"x\"}]", NULL),
                     0);
    renders(all, d, "user=x;");
    sov_dialog_free(d);
}
END_TEST

START_TEST(variables_come_and_go)
{
    sov_dialog *d = new_dialog();
    static const char json[] = "{\"messages\":[],\"tools\":[1],\"x\":\"y\","
                               "\"bos_token\":\"B\"}";
    static const char more[] = "{\"x\":null,\"enable_thinking\":null,"
                               "\"messages\":3}";

    ck_assert_int_eq(parse(d, json, NULL), 0);
    ck_assert(sov_dialog_has(d, "tools"));
    ck_assert(!sov_dialog_has(d, "messages"));
    renders("{{ tools }}{{ x }}{{ bos_token }}", d, "[1]yB");
    ck_assert_int_eq(sov_dialog_set(d, more, strlen(more), NULL), 0);
    renders("{{ x is defined }}{{ enable_thinking is defined }}{{ messages }}",
            d, "FalseFalse[]");
    ck_assert_int_eq(sov_dialog_set(d, "{\"x\":1}", 7, NULL), 0);
    renders("{{ x }}", d, "1");
    sov_dialog_free(d);
}
END_TEST

START_TEST(wrong_messages_are_refused)
{
    static const char *const wrong[] = {
        "",        "3",          "\"x\"",          "{}",
        "[1]",     "[{}]",       "[{\"role\":2}]", "{\"messages\":{}}",
        "[{\"r\"", "{\"a\":[]}", "[null]",
    };
    sov_dialog *d = new_dialog();
    struct sov_err err;

    ck_assert_int_eq(sov_dialog_add(d, "user", "a", 1, NULL), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(parse(d, wrong[i], &err) == SOV_EFORMAT, "%s", wrong[i]);
        ck_assert_uint_eq(sov_dialog_count(d), 1); /* as it was */
    }
    ck_assert_int_eq(sov_dialog_set(d, "[]", 2, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_dialog_parse(d, "[]", SOV_CHAT_MAX + 1, &err),
                     SOV_EFORMAT);
    ck_assert_int_eq(sov_dialog_add(d, "user", "", SOV_CHAT_MAX + 1, &err),
                     SOV_EFORMAT);
    ck_assert_uint_eq(sov_dialog_count(d), 1);
    sov_dialog_free(d);
    sov_dialog_free(NULL);
    sov_chat_free(NULL);
}
END_TEST

START_TEST(a_refused_system_message_is_merged)
{
    static const char no_system[] =
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}"
        "{% endif %}{% for m in messages %}{{ m.content }}|{% endfor %}";
    sov_dialog *d = new_dialog();
    struct sov_err err;
    bool merged;
    char *p;

    ck_assert_int_eq(parse(d,
                           "[{\"role\":\"system\",\"content\":\"S\"},"
                           "{\"role\":\"user\",\"content\":\"U\"},"
                           "{\"role\":\"assistant\",\"content\":\"A\"}]",
                           NULL),
                     0);
    p = try_render(no_system, d, &friday, &merged, &err);
    ck_assert_str_eq(p, "S\nU|A|");
    ck_assert(merged);
    free(p);
    p = try_render("{{ messages[0].content }}", d, &friday, &merged, &err);
    ck_assert_str_eq(p, "S");
    ck_assert(!merged);
    free(p);
    /* not where something else is refused, and not without a user */
    ck_assert_ptr_null(try_render("{{ raise_exception('never') }}", d, &friday,
                                  &merged, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "never"));
    sov_dialog_cut(d, 1);
    ck_assert_ptr_null(try_render(no_system, d, &friday, &merged, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "the template refuses: no"));
    sov_dialog_free(d);
}
END_TEST

START_TEST(a_model_may_have_several)
{
    struct sov_span text;
    struct sov_err err;
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    ck_assert_int_eq(sov_chat_find(meta, NULL, &text, &err), SOV_EUNSUP);
    ck_assert_int_eq(
        sov_meta_set_str(meta, "tokenizer.chat_template", "plain", NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, "tokenizer.chat_template.tool_use",
                                      "tools", NULL),
                     0);
    ck_assert_int_eq(sov_chat_find(meta, NULL, &text, &err), 0);
    ck_assert_uint_eq(text.len, 5);
    ck_assert_mem_eq(text.p, "plain", 5);
    ck_assert_int_eq(sov_chat_find(meta, "tool_use", &text, &err), 0);
    ck_assert_mem_eq(text.p, "tools", 5);
    ck_assert_int_eq(sov_chat_find(meta, "other", &text, &err), 0);
    ck_assert_mem_eq(text.p, "plain", 5);
    sov_meta_free(meta);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("chat");

    tcase_add_test(tc, presets_are_there);
    tcase_add_test(tc, messages_are_kept_in_order);
    tcase_add_test(tc, variables_come_and_go);
    tcase_add_test(tc, wrong_messages_are_refused);
    tcase_add_test(tc, a_refused_system_message_is_merged);
    tcase_add_test(tc, a_model_may_have_several);
    return unit_main("chat", tc);
}
