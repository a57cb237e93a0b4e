/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_annex_iv.c - Annex IV of Regulation (EU) 2024/1689
 *
 * What the provider of a high-risk AI system writes down.  A model's file and
 * claims fill the rows that are about the model; the rest is the provider's.
 */
#include "verify/paper_annex.h"

/* clang-format off */
static const struct annex_row rows[] = {
    { NULL, "1. General description", NULL },
    { "1(a)", "Purpose, provider, version and its relation to earlier ones",
      "intended_use provider name version @name @authenticity @digests" },
    { "1(b)", "How it works with hardware, software and other AI systems",
      "integration hardware" },
    { "1(c)", "Versions of relevant software, and what an update takes",
      "@software software" },
    { "1(d)", "Forms in which it is placed on the market",
      "@format distribution" },
    { "1(e)", "Hardware that it is meant to run on", "hardware" },
    { "1(f)", "Pictures of a product that it is a part of", NULL },
    { "1(g)", "Its user interface, for the deployer", NULL },
    { "1(h)", "Instructions for use", "instructions" },

    { NULL, "2. Elements of the system, and how it was developed", NULL },
    { "2(a)", "Steps of development, and systems of others that were used",
      "@process @ancestry training" },
    { "2(b)", "Design: logic, choices and assumptions, what is optimised, "
      "trade-offs", "@architecture @parameters @weights @modality @context "
      "@template design objective" },
    { "2(c)", "Architecture of the system, and computing resources",
      "architecture @flop training_flop flop_method @wall training_time "
      "@energy energy_mwh" },
    { "2(d)", "Data: origin, scope, main characteristics, how obtained and "
      "selected, labelled and cleaned", "@data @tokens data_type data_source "
      "data_obtained data_curation data_points data_scope data_bias "
      "personal_data" },
    { "2(e)", "Human oversight", "oversight" },
    { "2(f)", "Changes that were determined in advance", "lifecycle" },
    { "2(g)", "Validation and testing: data, metrics, results, logs, who is "
      "responsible", "@tests evaluation adversarial_test reviewed_by "
      "reviewed_on review_note approved_by approved_on approval_note" },
    { "2(h)", "Cybersecurity", "@authenticity @repeatable cybersecurity" },

    { NULL, "3. Monitoring, functioning and control", NULL },
    { "3", "Capabilities and limits, accuracy, foreseeable unintended "
      "outcomes, oversight, inputs", "limitation @tests user oversight "
      "monitoring prohibited_use" },

    { NULL, "4. Metrics", NULL },
    { "4", "Why the metrics are the right ones", "metric_reason" },

    { NULL, "5. Risk management", NULL },
    { "5", "The risk management system of Article 9", "risk mitigation" },

    { NULL, "6. Changes through the lifecycle", NULL },
    { "6", "Relevant changes by the provider", "@ancestry lifecycle" },

    { NULL, "7. Standards", NULL },
    { "7", "Harmonised standards that were applied, or other solutions",
      "standard" },

    { NULL, "8. Declaration of conformity", NULL },
    { "8", "A copy of the EU declaration of conformity (Article 47)",
      "conformity" },

    { NULL, "9. After it is on the market", NULL },
    { "9", "The system and plan of post-market monitoring (Article 72)",
      "post_market" },
};
/* clang-format on */

int
paper_annex_iv(const struct paper *p, FILE *f, struct sov_err *err)
{
    static const struct annex annex = {
        .title = "Technical documentation for a high-risk AI system: its model",
        .law = "It follows Annex IV (Article 11(1)) of Regulation (EU) "
               "2024/1689. Rows have the numbers of the law, and its wording "
               "shortened.",
        .about =
            "Annex IV is about a system, and this paper about the model "
            "in it: it answers the rows that a model's file, the signed "
            "history of its making and signed declarations can answer, and "
            "leaves the rest to the provider of the system.",
        .row = rows,
        .n = sizeof(rows) / sizeof(rows[0]),
    };

    return annex_write(p, &annex, f, err);
}
