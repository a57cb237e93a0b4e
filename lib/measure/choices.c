/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choices.c - questions with choices, in the forms in which they are published
 *
 * What is asked is put into words as EleutherAI's harness does it, without
 * examples before it:
 *
 *     plain       context, or question             each choice
 *     mmlu        question, the choices as         A, B, C, D
 *                 "A. ..." lines, "Answer:"
 *     arc         "Question: ..." "Answer:"        each text
 *     openbookqa  question_stem                    each text
 *     piqa        "Question: goal" "Answer:"       sol1, sol2
 *     boolq       passage "Question: ...?"         no, yes
 *                 "Answer:"
 *     winogrande  the sentence up to _, and then   what is behind _
 *                 each option
 *     truthfulqa  "Q: ..." "A:"                    each of mc1_targets
 *
 * A member that is missing or is of another kind is SOV_EFORMAT.
 */
#include "measure/making.h"

#include "base/text.h"

#include <stdarg.h>
#include <string.h>

/* ---- putting together ---- */

struct sov_making_place
sov_making_put(struct sov_making *m, ...)
{
    struct sov_making_place p = { .at = m->text.len };
    const char *s;
    va_list args;

    va_start(args, m);
    while ((s = va_arg(args, const char *)) != NULL)
        sov_buf_add(&m->text, s, strlen(s));
    va_end(args);
    p.len = m->text.len - p.at;
    return p;
}

static bool
is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t
count_letters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void
sov_making_add(struct sov_making *m, struct sov_making_place lead,
               const char *text)
{
    struct sov_making_place all = { .at = m->text.len };
    size_t blanks = 0;

    if (m->n == SOV_TASK_CHOICES || m->text.bad)
        return;
    while (blanks < lead.len &&
           is_blank(m->text.p[lead.at + lead.len - 1 - blanks]))
        blanks++;
    lead.len -= blanks;
    for (size_t i = 0; i < blanks; i++)
        sov_buf_u8(&m->text, m->text.p[lead.at + lead.len + i]);
    if (blanks == 0 && lead.len > 0)
        sov_buf_u8(&m->text, ' ');
    sov_buf_add(&m->text, text, strlen(text));
    all.len = m->text.len - all.at;
    m->choice[m->n].lead = lead;
    m->choice[m->n].text = all;
    m->choice[m->n].letters = count_letters(text);
    m->n++;
}

/* ---- members ---- */

static int
get_text(const json_t *o, const char *key, const char **text,
         struct sov_err *err)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v))
        return sov_fail(err, SOV_EFORMAT, "\"%s\" is no text", key);
    *text = json_string_value(v);
    return 0;
}

/* A number from 0, or a letter from A, or such a text; of n. */
static int
get_place(const json_t *v, const char *key, size_t n, size_t *place,
          struct sov_err *err)
{
    const char *text = json_string_value(v);
    json_int_t i = json_is_integer(v) ? json_integer_value(v) : -1;

    if (json_is_boolean(v))
        i = json_is_true(v);
    if (text != NULL && strlen(text) == 1) {
        if (text[0] >= 'A' && text[0] <= 'Z')
            i = text[0] - 'A';
        else if (text[0] >= '0' && text[0] <= '9')
            i = text[0] - '0';
    }
    if (i < 0 || (uint64_t)i >= n)
        return sov_fail(err, SOV_EFORMAT,
                        "\"%s\" is none of the %zu choices, from 0 or from A",
                        key, n);
    *place = (size_t)i;
    return 0;
}

/* A list of 2 texts at least. */
static int
check_list(const json_t *list, const char *key, struct sov_err *err)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n < 2 || n > SOV_TASK_CHOICES)
        return sov_fail(err, SOV_EFORMAT,
                        "\"%s\" is no list of 2 to %d choices", key,
                        SOV_TASK_CHOICES);
    for (size_t i = 0; i < n; i++)
        if (!json_is_string(json_array_get(list, i)))
            return sov_fail(err, SOV_EFORMAT, "\"%s\"[%zu] is no text", key,
                            i);
    return 0;
}

static const char *
item(const json_t *list, size_t i)
{
    return json_string_value(json_array_get(list, i));
}

static void
add_all(struct sov_making *m, struct sov_making_place lead, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        sov_making_add(m, lead, item(list, i));
}

/* ---- the forms ---- */

static int
read_plain(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const json_t *list = json_object_get(o, "choices");
    bool context = json_object_get(o, "context") != NULL;
    const char *lead = "";
    int rc = get_text(o, context ? "context" : "question", &lead, err);

    if (rc == 0)
        rc = check_list(list, "choices", err);
    if (rc == 0)
        rc = get_place(json_object_get(o, "answer"), "answer",
                       json_array_size(list), &m->answer, err);
    if (rc == 0)
        add_all(m, sov_making_put(m, lead, NULL), list);
    return rc;
}

static int
read_mmlu(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const json_t *list = json_object_get(o, "choices");
    struct sov_making_place lead;
    char letter[2] = "A";
    const char *question = "";
    size_t n;
    int rc = get_text(o, "question", &question, err);

    if (rc == 0)
        rc = check_list(list, "choices", err);
    n = json_array_size(list);
    if (rc == 0 && n > 26)
        rc = sov_fail(err, SOV_EFORMAT,
                      "\"choices\" has %zu, more than there are letters", n);
    if (rc == 0)
        rc = get_place(json_object_get(o, "answer"), "answer", n, &m->answer,
                       err);
    if (rc < 0)
        return rc;
    lead = sov_making_put(m, question, "\n", NULL);
    for (size_t i = 0; i < n; i++, letter[0]++)
        lead.len += sov_making_put(m, letter, ". ", item(list, i), "\n",
                                   NULL).len;
    lead.len += sov_making_put(m, "Answer:", NULL).len;
    letter[0] = 'A';
    for (size_t i = 0; i < n; i++, letter[0]++)
        sov_making_add(m, lead, letter);
    return 0;
}

/* "choices": {"text": [...], "label": [...]}, and "answerKey" one of these. */
static int
read_labelled(const json_t *o, const char *lead, const char *before,
              const char *after, struct sov_making *m, struct sov_err *err)
{
    const json_t *choices = json_object_get(o, "choices");
    const json_t *text = json_object_get(choices, "text");
    const json_t *label = json_object_get(choices, "label");
    const char *key = "";
    size_t n = json_array_size(text);
    int rc = get_text(o, "answerKey", &key, err);

    if (rc == 0)
        rc = check_list(text, "text", err);
    if (rc == 0)
        rc = check_list(label, "label", err);
    if (rc < 0)
        return rc;
    for (m->answer = 0; m->answer < n; m->answer++)
        if (m->answer < json_array_size(label) &&
            strcmp(item(label, m->answer), key) == 0)
            break;
    if (m->answer == n)
        return sov_fail(err, SOV_EFORMAT,
                        "\"answerKey\" is no label of a choice");
    add_all(m, sov_making_put(m, before, lead, after, NULL), text);
    return 0;
}

static int
read_arc(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const char *question = "";
    int rc = get_text(o, "question", &question, err);

    return rc < 0 ? rc
                  : read_labelled(o, question, "Question: ", "\nAnswer:", m,
                                  err);
}

static int
read_openbookqa(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const char *stem = "";
    int rc = get_text(o, "question_stem", &stem, err);

    return rc < 0 ? rc : read_labelled(o, stem, "", "", m, err);
}

static int
read_piqa(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    struct sov_making_place lead;
    const char *goal = "", *sol[2] = { "", "" };
    int rc = get_text(o, "goal", &goal, err);

    if (rc == 0)
        rc = get_text(o, "sol1", &sol[0], err);
    if (rc == 0)
        rc = get_text(o, "sol2", &sol[1], err);
    if (rc == 0)
        rc = get_place(json_object_get(o, "label"), "label", 2, &m->answer,
                       err);
    if (rc < 0)
        return rc;
    lead = sov_making_put(m, "Question: ", goal, "\nAnswer:", NULL);
    sov_making_add(m, lead, sol[0]);
    sov_making_add(m, lead, sol[1]);
    return 0;
}

static int
read_boolq(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const char *key = json_object_get(o, "answer") != NULL ? "answer" : "label";
    struct sov_making_place lead;
    const char *passage = "", *question = "";
    int rc = get_text(o, "passage", &passage, err);

    if (rc == 0)
        rc = get_text(o, "question", &question, err);
    if (rc == 0)
        rc = get_place(json_object_get(o, key), key, 2, &m->answer, err);
    if (rc < 0)
        return rc;
    lead = sov_making_put(m, passage, "\nQuestion: ", question, "?\nAnswer:",
                          NULL);
    sov_making_add(m, lead, "no");
    sov_making_add(m, lead, "yes");
    return 0;
}

/* "answer" is "1" or "2". */
static int
read_winogrande(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const char *sentence = "", *option[2] = { "", "" }, *answer = "";
    const char *gap, *rest;
    int rc = get_text(o, "sentence", &sentence, err);

    if (rc == 0)
        rc = get_text(o, "option1", &option[0], err);
    if (rc == 0)
        rc = get_text(o, "option2", &option[1], err);
    if (rc == 0)
        rc = get_text(o, "answer", &answer, err);
    if (rc < 0)
        return rc;
    if (strcmp(answer, "1") != 0 && strcmp(answer, "2") != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "\"answer\" is neither \"1\" nor \"2\"");
    gap = strchr(sentence, '_');
    rest = gap != NULL ? gap + 1 : "";
    while (is_blank((unsigned char)*rest))
        rest++;
    if (*rest == '\0')
        return sov_fail(err, SOV_EFORMAT,
                        "\"sentence\" has no gap (_) with something behind "
                        "it");
    m->answer = answer[0] == '2';
    for (int i = 0; i < 2; i++) {
        struct sov_making_place lead = { .at = m->text.len };

        sov_buf_add(&m->text, sentence, (size_t)(gap - sentence));
        sov_buf_add(&m->text, option[i], strlen(option[i]));
        lead.len = m->text.len - lead.at;
        sov_making_add(m, lead, rest);
    }
    return 0;
}

/* "mc1_targets": {"choices": [...], "labels": [0, 1, 0 ...]}, one of them 1. */
static int
read_truthfulqa(const json_t *o, struct sov_making *m, struct sov_err *err)
{
    const json_t *targets = json_object_get(o, "mc1_targets");
    const json_t *list = json_object_get(targets, "choices");
    const json_t *labels = json_object_get(targets, "labels");
    const char *question = "";
    size_t n = json_array_size(list), right = 0;
    int rc = get_text(o, "question", &question, err);

    if (rc == 0)
        rc = check_list(list, "choices", err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(labels, i)) == 1) {
            m->answer = i;
            right++;
        }
    if (right != 1 || json_array_size(labels) != n)
        return sov_fail(err, SOV_EFORMAT,
                        "\"labels\" does not say which one of the choices is "
                        "right");
    add_all(m, sov_making_put(m, "Q: ", question, "\nA:", NULL), list);
    return 0;
}

/* clang-format off */
static const struct sov_choice_form forms[] = {
#define CHOICES(name, members) { #name, members, read_##name },
#include "measure/choices.def"
#undef CHOICES
};
/* clang-format on */

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

const char *
sov_tasks_form_name(size_t i)
{
    return i < N_FORMS ? forms[i].name : NULL;
}

static bool
has_members(const json_t *o, const char *members)
{
    char key[32];
    size_t len;

    for (; *members != '\0'; members += len + (members[len] == ' ')) {
        len = strcspn(members, " ");
        memcpy(key, members, len);
        key[len] = '\0';
        if (json_object_get(o, key) == NULL)
            return false;
    }
    return true;
}

int
sov_choices_read(const json_t *o, struct sov_making *m,
                 const struct sov_choice_form **form, struct sov_err *err)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        if (!has_members(o, forms[i].members))
            continue;
        *form = &forms[i];
        return forms[i].read(o, m, err);
    }
    return sov_fail(err, SOV_EFORMAT,
                    "an object with the members of no form of tasks that is "
                    "known (choices and answer, say)");
}
