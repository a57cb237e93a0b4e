/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openai.h - what the two files of OpenAI's batch lines share
 */
#ifndef SOV_RUN_OPENAI_H
#define SOV_RUN_OPENAI_H

#include "run/request.h"

/* Endpoints: form of a request. */
enum sov_openai_form {
    SOV_OPENAI_NONE, /* no URL that is known */
    SOV_OPENAI_CHAT,
    SOV_OPENAI_TEXT,
    SOV_OPENAI_EMBED,
};

json_t *sov_openai_answer(const struct sov_request *r,
                          const struct sov_response *a);
bool sov_openai_read(const json_t *answer, struct sov_answered *to,
                     const json_t **id);

#endif
