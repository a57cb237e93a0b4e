/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_channel.c - what is said on which channel
 */
#include "spm_keys.h"

#include "base/buf.h"
#include "sov/chat.h"

#include <stdio.h>
#include <string.h>

/* Names of tokens; those in brackets are control tokens. */
static const char *const names[] = {
    "<unk>",
    "<s>",
    "</s>",
    "a",
    "b",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "<|call|>",
    "<|return|>",
    "<|constrain|>",
    "analysis",
    "final",
    "commentary",
    "assistant",
    "\xe2\x96\x81to=f",
    "json",
    "{}",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* The first n of the names as a vocabulary. */
static sov_tok *
make_tok(size_t n)
{
    struct spm_entry e[N_NAMES];
    struct sov_err err = { 0 };
    sov_meta *meta;
    sov_tok *tok;

    for (size_t i = 0; i < n; i++)
        e[i] = (struct spm_entry){ names[i], 0,
                                   i == 0               ? 2
                                   : names[i][0] == '<' ? 3
                                                        : 1 };
    meta = spm_keys(e, n);
    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
    return tok;
}

/* Tokens by their names, with blanks between; said, and (thought). */
static const struct {
    const char *tokens;
    const char *want;
} cases[] = {
    { "a b a", "aba" },
    { "", "" },
    { "<|channel|> final <|message|> a b", "ab" },
    { "<|channel|> analysis <|message|> a b <|end|> <|start|> assistant "
      "<|channel|> final <|message|> b",
      "(a)(b)b" },
    { "<|channel|> commentary <|message|> a <|end|> <|start|> assistant "
      "<|channel|> final <|message|> b",
      "a\nb" },
    { "<|channel|> analysis <|message|> a <|end|> <|start|> assistant "
      "<|channel|> commentary \xe2\x96\x81to=f <|constrain|> json <|message|> {}",
      "(a)assistant<|channel|>commentary to=f<|constrain|>json<|message|>{}" },
    { "<|start|> assistant \xe2\x96\x81to=f <|channel|> analysis <|message|> {}",
      "assistant to=f<|channel|>analysis<|message|>{}" },
    { "<|channel|> analysis", "" },
    { "<|message|> a", "a" },
    { "a <|end|> b <|message|> b", "a\nb" },
};

static int32_t
id_of(const sov_tok *tok, const char **p)
{
    size_t n = strcspn(*p, " ");
    int32_t id = sov_tok_find(tok, *p, n);

    ck_assert_msg(id >= 0, "%s", *p);
    *p += n + strspn(*p + n, " ");
    return id;
}

START_TEST(channels_are_told_apart)
{
    sov_tok *tok = make_tok(N_NAMES);
    const char *p = cases[_i].tokens;
    struct sov_err err;
    sov_channels *c;
    char got[500] = "";

    ck_assert_int_eq(sov_channels_new(&c, tok, &err), 0);
    ck_assert_ptr_nonnull(c);
    while (*p != '\0') {
        int32_t id = id_of(tok, &p);
        enum sov_voice voice;
        struct sov_span s =
            sov_channels_put(c, id, sov_tok_piece(tok, id), &voice);
        size_t n = strlen(got);

        ck_assert(voice != SOV_VOICE_NONE || s.len == 0);
        if (s.len > 0)
            snprintf(got + n, sizeof(got) - n,
                     voice == SOV_VOICE_THOUGHT ? "(%.*s)" : "%.*s", (int)s.len,
                     (const char *)s.p);
    }
    ck_assert_str_eq(got, cases[_i].want);
    sov_channels_free(c);
    sov_tok_free(tok);
}
END_TEST

START_TEST(most_models_have_none)
{
    sov_tok *tok = make_tok(5);
    struct sov_err err;
    sov_channels *c;

    ck_assert_int_eq(sov_channels_new(&c, tok, &err), 0);
    ck_assert_ptr_null(c);
    sov_channels_free(c);
    sov_tok_free(tok);
}
END_TEST

/* A head that does not end takes no room. */
START_TEST(heads_are_short)
{
    sov_tok *tok = make_tok(N_NAMES);
    struct sov_err err;
    enum sov_voice voice;
    struct sov_span s;
    sov_channels *c;

    ck_assert_int_eq(sov_channels_new(&c, tok, &err), 0);
    sov_channels_put(c, 5, sov_tok_piece(tok, 5), &voice);
    sov_channels_put(c, 16, sov_tok_piece(tok, 16), &voice);
    for (int i = 0; i < 10000; i++)
        sov_channels_put(c, 14, sov_tok_piece(tok, 14), &voice);
    s = sov_channels_put(c, 6, sov_tok_piece(tok, 6), &voice);
    ck_assert_int_eq(voice, SOV_VOICE_SAID);
    ck_assert_uint_lt(s.len, 2000);
    sov_channels_begin(c);
    s = sov_channels_put(c, 3, sov_tok_piece(tok, 3), &voice);
    ck_assert_uint_eq(s.len, 1);
    sov_channels_free(c);
    sov_tok_free(tok);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("channel");

    tcase_add_loop_test(tc, channels_are_told_apart, 0,
                        sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tc, most_models_have_none);
    tcase_add_test(tc, heads_are_short);
    return unit_main("channel", tc);
}
