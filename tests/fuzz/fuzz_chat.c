/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_chat.c - any bytes as a chat template, and as its messages
 *
 * The input is cut at the first byte 1: the template, and behind it messages
 * in JSON; without that byte there are some messages that have a bit of all.
 */
#include "base/text.h"
#include "sov/chat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char some[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
    "{\"role\":\"user\",\"content\":\" H\xc3\xa4, <|im_end|>\\n\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\","
    "\"function\":{\"name\":\"f\",\"arguments\":{\"a\":[1,2.5,true,null]}}}]},"
    "{\"role\":\"tool\",\"content\":\"42\",\"tool_call_id\":\"c1\"},"
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
    "\"parameters\":{\"properties\":{\"a\":{\"type\":\"number\"}}}}}],"
    "\"x\":3,\"s\":\"Hello World\",\"l\":[3,1,2],\"d\":{\"b\":1,\"a\":2}}";

static void
check(const struct sov_chat_text *text)
{
    uint32_t cp;
    size_t n;

    for (size_t i = 0; i < text->len; i += n) {
        if (text->mark[i] > 1)
            abort();
        n = sov_utf8_step(text->p + i, text->len - i, &cp);
        if (n == 0) /* all that goes in is UTF-8, so is what comes out */
            abort();
    }
    if (text->p[text->len] != '\0')
        abort();
}

static void
use(const sov_chat *chat, sov_dialog *dialog, bool answer)
{
    const struct sov_chat_opts opts = {
        .answer = answer,
        .now = { .tm_year = 126, .tm_mon = 10, .tm_mday = 20, .tm_wday = 5 },
    };
    struct sov_chat_text text, again;
    struct sov_err err = { 0 };

    if (sov_chat_render(chat, dialog, &opts, &text, &err) < 0) {
        if (err.msg[0] == '\0')
            abort();
        return;
    }
    check(&text);
    if (sov_chat_render(chat, dialog, &opts, &again, &err) < 0 ||
        again.len != text.len || memcmp(again.p, text.p, text.len) != 0)
        abort();
    sov_chat_text_free(&text);
    sov_chat_text_free(&again);
}

/* The same with messages of any bytes, and other variables. */
static void
use_more(const sov_chat *chat, sov_dialog *dialog, const char *text, size_t len)
{
    size_t n = sov_dialog_count(dialog);

    if (sov_dialog_add(dialog, "user", text, len, NULL) < 0 ||
        sov_dialog_begin(dialog, "system", text, len / 2, NULL) < 0 ||
        sov_dialog_count(dialog) != n + 2 ||
        strcmp(sov_dialog_role(dialog, 0), "system") != 0)
        abort();
    if (sov_dialog_set(dialog, text, len, NULL) == 0)
        (void)sov_dialog_has(dialog, "x");
    use(chat, dialog, true);
    sov_dialog_forget(dialog, 0, 1);
    if (sov_dialog_count(dialog) != n + 1)
        abort();
}

/* What a session keeps of the messages is all of them. */
static void
keep(const sov_dialog *dialog)
{
    struct sov_err err = { 0 };
    sov_dialog *other = NULL;
    char *text, *again;
    size_t len, again_len;
    const char *first;

    if (sov_dialog_json(dialog, &text, &len, &err) < 0)
        return;
    if (sov_dialog_new(&other, &err) < 0 ||
        sov_dialog_parse(other, text, len, &err) < 0 ||
        sov_dialog_json(other, &again, &again_len, &err) < 0 ||
        again_len != len || memcmp(again, text, len) != 0)
        abort();
    first = sov_dialog_text(dialog, 0);
    if (first != NULL && strcmp(first, sov_dialog_text(other, 0)) != 0)
        abort();
    free(text);
    free(again);
    sov_dialog_free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size > 0 ? memchr(data, 1, size) : NULL;
    size_t len = cut != NULL ? (size_t)(cut - data) : size;
    const char *json = cut != NULL ? (const char *)cut + 1 : some;
    size_t json_len = cut != NULL ? size - len - 1 : sizeof(some) - 1;
    sov_chat *chat = NULL;
    sov_dialog *dialog = NULL;
    struct sov_err err = { 0 };

    if (sov_dialog_new(&dialog, &err) < 0)
        abort();
    if (sov_dialog_parse(dialog, json, json_len, &err) == 0 &&
        sov_chat_new(&chat, (const char *)data, len, &err) == 0) {
        use(chat, dialog, true);
        sov_dialog_cut(dialog, 2);
        use(chat, dialog, false);
        use_more(chat, dialog, (const char *)data, len);
        keep(dialog);
    }
    sov_chat_free(chat);
    sov_dialog_free(dialog);
    return 0;
}
