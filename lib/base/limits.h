/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how much of anything is believed
 *
 * Every limit on input has its name here and a test on both sides of it.
 */
#ifndef SOV_BASE_LIMITS_H
#define SOV_BASE_LIMITS_H

#include <stdint.h>

#define SOV_KEYS_MAX       (UINT64_C(1) << 20) /* metadata keys */
#define SOV_TENSORS_MAX    (UINT64_C(1) << 20) /* tensors of a model */
#define SOV_KEY_MAX        UINT64_C(65535)     /* bytes of a key */
#define SOV_NAME_MAX       UINT64_C(65535)     /* bytes of a tensor name */
#define SOV_NAME_PEER      UINT64_C(63)        /* ... that others load */
#define SOV_STR_MAX        (UINT64_C(256) << 20) /* bytes of a string */
#define SOV_ARR_MAX        (UINT64_C(1) << 28) /* elements of an array */
#define SOV_META_MAX       (UINT64_C(1) << 30) /* bytes of all metadata */
#define SOV_COUNT_MAX      (UINT64_C(1) << 48) /* weights of a tensor */
#define SOV_ALIGN_MAX      (UINT64_C(1) << 20)
#define SOV_SHARDS_MAX     UINT64_C(10000)
#define SOV_ST_HEADER_MAX  UINT64_C(100000000) /* safetensors header */
#define SOV_ST_ENTRY_MAX   (UINT64_C(1) << 20) /* bytes of an entry of it */
#define SOV_JSON_VALUES    (UINT64_C(1) << 21) /* values of a JSON text */
#define SOV_JSON_MAX       (UINT64_C(64) << 20) /* bytes of any other JSON */
#define SOV_SPM_MAX        (UINT64_C(64) << 20) /* bytes of tokenizer.model */
#define SOV_REQUEST_ID_MAX UINT64_C(1024)   /* bytes of its id */
#define SOV_STOPS_MAX      UINT64_C(64)     /* stop strings of it */
#define SOV_STOP_MAX       UINT64_C(4096)   /* bytes of one of them */
#define SOV_INPUTS_MAX     UINT64_C(2048)   /* texts of it to embed */
#define SOV_ANSWER_MAX     (UINT64_C(256) << 20) /* bytes of one, read again */
#define SOV_ANSWER_VALUES  (UINT64_C(1) << 24) /* ... JSON values */
#define SOV_MODEL_NAME_MAX UINT64_C(1024)   /* bytes of a model's name in it */
#define SOV_TEXT_MAX       (UINT64_C(1) << 30) /* bytes of text to tokenize */
#define SOV_VOCAB_MAX      (UINT64_C(1) << 24) /* tokens of a vocabulary */
#define SOV_SPECIAL_MAX    UINT64_C(256) /* bytes of a special token's text */
#define SOV_MERGE_MAX      UINT64_C(65536) /* bytes of a rule of merging */
#define SOV_MARKS_MAX      256 /* combining marks in a row, put in order */
#define SOV_REGEX_STEPS    UINT32_C(50000000)    /* of PCRE2 in one match */
#define SOV_REGEX_HEAP     (UINT64_C(64) << 20) /* bytes for one match */
#define SOV_LAYERS_MAX     UINT64_C(4096)
#define SOV_HEADS_MAX      UINT64_C(65536)
#define SOV_EXPERTS_MAX    UINT64_C(1024)  /* of a layer */
#define SOV_LABELS_MAX     UINT64_C(65536) /* of a model that classifies */
#define SOV_WIDTH_MAX      (UINT64_C(1) << 24) /* any width of a model */
#define SOV_LORA_RANK_MAX  UINT64_C(65536) /* of a matrix of an adapter */
#define SOV_DATASETS_MAX   UINT64_C(1024) /* texts that statistics are of */
#define SOV_DATASET_MAX    UINT64_C(4095) /* bytes of a text's name */
#define SOV_KEYFILE_MAX    UINT64_C(4096)  /* bytes of a key file */
#define SOV_SIGFILE_MAX    UINT64_C(16384) /* bytes of a signature file */
#define SOV_COMMENT_MAX    UINT64_C(8192)  /* bytes of a trusted comment */
#define SOV_COMMENT_OURS   UINT64_C(8000)  /* ... of one that we write */
#define SOV_UNHASHED_MAX   (UINT64_C(1) << 30) /* bytes signed as they are */
#define SOV_PASSWORD_MAX   UINT64_C(1024)  /* bytes of a password, with NUL */
#define SOV_RING_FILE_MAX  (UINT64_C(1) << 20) /* bytes of a list of keys */
#define SOV_RING_KEYS_MAX  UINT64_C(4096)  /* keys of it */
#define SOV_POLICY_WORDS   256 /* words of a line of a policy */
#define SOV_POLICY_GROUPS  256 /* groups of it */
#define SOV_POLICY_MEMBERS 64  /* ... members of one */
#define SOV_POLICY_RULES   8192 /* ... its lines, comments apart */
#define SOV_POLICY_SIGS    64  /* ... its signatures */
#define SOV_POLICY_SIGFILE (UINT64_C(16) << 20) /* ... bytes of them */
#define SOV_FACTS_MAX      (UINT64_C(1) << 20) /* bytes of a file of facts */
#define SOV_FACTS_VALUES   UINT64_C(1024)  /* ... facts of it */
#define SOV_FACT_MAX       UINT64_C(8192)  /* ... bytes of one */
#define SOV_SEQS_MAX       UINT64_C(4096) /* timelines of a batch */
#define SOV_TENANT_MAX     UINT64_C(256)  /* bytes of a tenant's name */
#define SOV_CTX_MAX        (UINT64_C(1) << 24) /* tokens of context */
#define SOV_CLAIM_LINE_MAX (UINT64_C(16) << 20) /* bytes of a claim */
#define SOV_CLAIMS_MAX     (UINT64_C(64) << 20) /* ... of a set of them */
#define SOV_CLAIM_LINES    UINT64_C(1024)       /* claims of a set */
#define SOV_CLAIM_DEPTH    32                   /* nesting of their JSON */
#define SOV_CLAIM_VALUES   (UINT64_C(1) << 18)  /* JSON values of a claim */
#define SOV_CLAIMS_VALUES  (UINT64_C(1) << 20)  /* ... of a set of them */
#define SOV_CLAIM_ITEMS    UINT64_C(1024) /* files, dependencies of a claim */
#define SOV_OMS_FILES      UINT64_C(10000) /* files of a model.sig */
#define SOV_INDEX_MAX      (UINT64_C(1) << 30) /* bytes of an index */
#define SOV_BENCH_LINE_MAX (UINT64_C(4) << 20) /* bytes of a record of one */
#define SOV_BENCH_TEXT_MAX UINT64_C(1024)      /* ... of a text in it */
#define SOV_BENCH_SAMPLES_MAX UINT64_C(65536)  /* ... samples of it */
#define SOV_BENCH_DEPTH    16                  /* ... nesting of its JSON */
#define SOV_BENCH_VALUES   (UINT64_C(1) << 17) /* ... JSON values of it */

#define SOV_JOURNAL_MAX    (UINT64_C(128) << 20) /* bytes of one that resumes */
#define SOV_MEMBERS_MAX    (UINT64_C(1) << 20)  /* members of an archive */
#define SOV_MEMBER_NAME    UINT64_C(4095)       /* bytes of a member's name */
#define SOV_MEMBER_PART    UINT64_C(255)        /* ... between two slashes */
#define SOV_MEMBER_NAMES   (UINT64_C(64) << 20) /* bytes of all names */
#define SOV_RATIO_MAX      UINT64_C(1000)       /* bytes out of one byte ... */
#define SOV_RATIO_FROM     (UINT64_C(64) << 20) /* ... after so many */
#define SOV_WINDOW_MAX     (UINT64_C(128) << 20) /* memory to decompress */
#define SOV_KEEP_MAX       (UINT64_C(256) << 20) /* side files in memory */

#define SOV_TEMPLATE_MAX   (UINT64_C(1) << 20)  /* bytes of a chat template */
#define SOV_TEMPLATE_DEPTH 200                  /* nesting of what is in it */
#define SOV_CHAT_MAX       (UINT64_C(32) << 20) /* bytes of messages */
#define SOV_CHAT_STEPS     (UINT64_C(1) << 22)  /* of rendering them */
#define SOV_CHAT_MEMORY    (UINT64_C(256) << 20) /* ... bytes meanwhile */
#define SOV_CHAT_TEXT      (UINT64_C(64) << 20) /* ... bytes of the text */
#define SOV_CHAT_CALLS     200    /* macros and loops within each other */
#define SOV_CHAT_STACK     65536  /* values that wait for others */
#define SOV_CHAT_DEPTH     200    /* lists within lists that are printed */
#define SOV_CHAT_RANGE     100000 /* numbers of a range() */

#endif
