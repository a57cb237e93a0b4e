/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_annex_xi.c - Annexes XI and XII of Regulation (EU) 2024/1689
 *
 * What providers of general-purpose AI models write down for the authorities
 * (XI) and for those who build on the model (XII), and what the Code of
 * Practice's Model Documentation Form asks beside.  "Form" rows are numbered
 * here alone.
 */
#include "verify/paper_annex.h"

/* clang-format off */
static const struct annex_row rows[] = {
    { NULL, "Identity", NULL },
    { "Form 1", "Name, version and provider of the model",
      "name version provider representative contact @name" },
    { "Form 2", "Authenticity: evidence of where the model is from",
      "@digests @authenticity" },
    { "Form 3", "Models that it was made from", "@ancestry" },

    { NULL, "Annex XI, Section 1: all general-purpose AI models", NULL },
    { "XI 1, 1(a)", "Tasks of the model, and systems that it can be built into",
      "task intended_use integration" },
    { "XI 1, 1(b)", "Acceptable use", "acceptable_use prohibited_use" },
    { "XI 1, 1(c)", "Date of release, and ways of distribution",
      "release_date union_release_date distribution" },
    { "XI 1, 1(d)", "Architecture and number of parameters",
      "@architecture @parameters @weights @vocabulary" },
    { "XI 1, 1(e)", "Modality and format of inputs and outputs",
      "@modality @context @template modality_in modality_out language" },
    { "XI 1, 1(f)", "Licence", "license @licenses @header" },
    { "XI 1, 2(a)", "What it takes to build the model into a system",
      "@format instructions hardware software" },
    { "XI 1, 2(b)", "Design and training: methods, choices and their reasons, "
      "what was optimised", "@process @repeatable @software design training "
      "objective limitation" },
    { "XI 1, 2(c)", "Training data: kind, origin, curation, number of points, "
      "scope, how it was obtained, unsuitable sources and bias",
      "@data @tokens data_type data_source data_obtained data_curation "
      "data_points data_scope data_bias personal_data" },
    { "XI 1, 2(d)", "Computation and time of training",
      "training_flop flop_method training_time @flop @wall" },
    { "Guidelines", "The modification as a share of the original training",
      "@share" },
    { "XI 1, 2(e)", "Energy, known or estimated",
      "energy_mwh energy_method @energy" },
    { "Art. 53(1)(c),(d)", "Copyright policy, and summary of the training "
      "content", "copyright_policy training_summary" },

    { NULL, "Annex XI, Section 2: only models with systemic risk (Article 51)",
      NULL },
    { "XI 2, 1", "Evaluation: strategies, criteria, metrics, results",
      "@tests evaluation" },
    { "XI 2, 2", "Adversarial testing and adaptation",
      "adversarial_test adaptation" },
    { "XI 2, 3", "Architecture of the system, where the model is a part of one",
      "architecture" },

    { NULL, "Annex XII: for those who build on the model", NULL },
    { "XII 1(a)", "Tasks of the model, and systems that it can be built into",
      "task intended_use integration" },
    { "XII 1(b)", "Acceptable use", "acceptable_use prohibited_use" },
    { "XII 1(c)", "Date of release, and ways of distribution",
      "release_date distribution" },
    { "XII 1(d)", "How it works with hardware or software outside of it",
      "hardware integration" },
    { "XII 1(e)", "Versions of relevant software", "@software software" },
    { "XII 1(f)", "Architecture and number of parameters",
      "@architecture @parameters" },
    { "XII 1(g)", "Modality and format of inputs and outputs",
      "@modality modality_in modality_out" },
    { "XII 1(h)", "Licence", "license @licenses" },
    { "XII 2(a)", "What it takes to build the model into a system",
      "@format instructions" },
    { "XII 2(b)", "Inputs and outputs, and their largest size",
      "@modality @context" },
    { "XII 2(c)", "Training data: kind, origin, curation",
      "@data data_type data_source data_curation" },

    { NULL, "Review", NULL },
    { "Review", "Who has reviewed and approved the model",
      "reviewed_by reviewed_on review_note approved_by approved_on "
      "approval_note" },
};
/* clang-format on */

int
paper_annex_xi(const struct paper *p, FILE *f, struct sov_err *err)
{
    static const struct annex annex = {
        .title = "Technical documentation of a general-purpose AI model",
        .law = "It follows Annex XI (Article 53(1)(a), for the AI Office and "
               "national authorities) and Annex XII (Article 53(1)(b), for "
               "providers of systems) of Regulation (EU) 2024/1689, with rows "
               "of the Model Documentation Form of the Code of Practice. Rows "
               "have the numbers of the law, and its wording shortened.",
        .row = rows,
        .n = sizeof(rows) / sizeof(rows[0]),
    };

    return annex_write(p, &annex, f, err);
}
