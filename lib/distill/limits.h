/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how much of texts to train on is believed */
#ifndef SOV_DISTILL_LIMITS_H
#define SOV_DISTILL_LIMITS_H

#include <stdint.h>

#define SOV_DOC_MAX       (UINT64_C(64) << 20) /* bytes of a document at once */
#define SOV_DOC_LINE_MAX  (UINT64_C(64) << 20) /* bytes of a line of JSON */
#define SOV_DOC_DEPTH     32                   /* nesting of it */
#define SOV_DOC_VALUES    (UINT64_C(1) << 16)  /* values of it */
#define SOV_TEXTS_FILES   (UINT64_C(1) << 20)  /* files of all folders */
#define SOV_TEXTS_DEPTH   32                   /* folders within each other */
#define SOV_TEXTS_DOCS    (UINT64_C(1) << 32)  /* documents */
#define SOV_FEW_MAX       120                  /* draws of a token */
#define SOV_FEW_BLOCK     UINT32_C(4096)       /* tokens of a block of them */
#define SOV_FEW_TOKENS    (UINT64_C(1) << 40)  /* tokens of a cache */
#define SOV_MAKE_MAX      (UINT64_C(1) << 32)  /* texts to be made */
#define SOV_DELTA_TOKENS  (UINT64_C(1) << 50)  /* that a worker learnt */
#define SOV_DELTA_FILES   UINT64_C(4096)       /* of workers, merged */
#define SOV_STEPS_MAX     (UINT64_C(1) << 24)  /* of training */
#define SOV_SEQUENCES_MAX (UINT64_C(1) << 20)  /* ... that a step reads */
#define SOV_CKPT_ARRAYS   8192 /* weights and moments in a checkpoint */
#define SOV_STATES_MAX    7    /* moments of an optimiser */

#endif
