/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - answers that speak on several channels
 *
 * A model of the gpt-oss family makes messages with heads:
 *
 *   <|channel|>analysis<|message|>...<|end|>
 *   <|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json
 *       <|message|>{...}<|call|>
 *   <|start|>assistant<|channel|>final<|message|>...<|return|>
 *
 * What is on the channel "analysis" is thought, and all else is said.  A
 * message that is to go somewhere calls a tool; its head is said with it,
 * since whoever runs the tool wants to know which.
 */
#include "sov/chat.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 1024

struct sov_channels {
    const sov_tok *tok;
    int32_t channel, message, start, end, constrain;
    enum sov_voice voice;
    bool in_head;
    bool said; /* a message that is shown has begun */
    size_t n;
    char head[HEAD_MAX];
    char shown[HEAD_MAX + 32];
};

static int32_t
find(const sov_tok *tok, const char *name)
{
    return sov_tok_find(tok, name, strlen(name));
}

void
sov_channels_begin(sov_channels *c)
{
    c->voice = SOV_VOICE_SAID;
    c->in_head = c->said = false;
    c->n = 0;
}

int
sov_channels_new(sov_channels **channels, const sov_tok *tok,
                 struct sov_err *err)
{
    int32_t channel = find(tok, "<|channel|>");
    int32_t message = find(tok, "<|message|>");
    sov_channels *c;

    *channels = NULL;
    if (channel < 0 || message < 0 || !sov_tok_is_control(tok, channel) ||
        !sov_tok_is_control(tok, message))
        return 0;
    c = sov_mem_array(1, sizeof(*c));
    if (c == NULL)
        return sov_mem_fail(err);
    c->tok = tok;
    c->channel = channel;
    c->message = message;
    c->start = find(tok, "<|start|>");
    c->end = find(tok, "<|end|>");
    c->constrain = find(tok, "<|constrain|>");
    sov_channels_begin(c);
    *channels = c;
    return 0;
}

void
sov_channels_free(sov_channels *c)
{
    sov_mem_forget(c);
}

/* What is more than there is room for is no head anyway. */
static void
add(sov_channels *c, struct sov_span text)
{
    size_t n = sizeof(c->head) - c->n;

    n = text.len < n ? text.len : n;
    if (n > 0)
        memcpy(c->head + c->n, text.p, n);
    c->n += n;
}

static bool
head_has(const sov_channels *c, const char *text)
{
    return memmem(c->head, c->n, text, strlen(text)) != NULL;
}

/* The head is complete. */
static struct sov_span
begin_body(sov_channels *c)
{
    static const char mark[] = "<|message|>";
    bool call = head_has(c, " to=") || head_has(c, ">to=");
    bool thought = !call && head_has(c, "<|channel|>analysis");
    size_t n = 0;

    c->in_head = false;
    c->voice = thought ? SOV_VOICE_THOUGHT : SOV_VOICE_SAID;
    if (thought)
        return (struct sov_span){ 0 };
    if (c->said)
        c->shown[n++] = '\n';
    c->said = true;
    if (call) {
        memcpy(c->shown + n, c->head, c->n);
        n += c->n;
        memcpy(c->shown + n, mark, sizeof(mark) - 1);
        n += sizeof(mark) - 1;
    }
    return (struct sov_span){ (const unsigned char *)c->shown, n };
}

struct sov_span
sov_channels_put(sov_channels *c, int32_t id, struct sov_span piece,
                 enum sov_voice *voice)
{
    struct sov_span none = { 0 };

    *voice = SOV_VOICE_NONE;
    if (id == c->start || id == c->end) {
        c->in_head = true;
        c->n = 0;
        return none;
    }
    if (id == c->channel || id == c->constrain) {
        if (!c->in_head)
            c->n = 0;
        c->in_head = true;
        add(c, sov_tok_name(c->tok, id));
        return none;
    }
    if (id == c->message) {
        piece = begin_body(c);
    } else if (c->in_head) {
        add(c, piece);
        return none;
    } else if (c->voice == SOV_VOICE_SAID && piece.len > 0) {
        c->said = true;
    }
    *voice = c->voice;
    return piece;
}
