/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-verify - who made this, from what, and is it intact?
 *
 * An option chooses the mode; modes[] says which function does it.  Exit
 * status: 0 yes, 1 checked and the answer is no, 64-78 trouble, of which 77
 * says that nobody trusted has signed, or that a key cannot be used.
 */
#include "cli/password.h"
#include "cli/tool.h"
#include "verify/verify.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct sov_verify sov_verify;

static const char *const formats[] = { "claims", "oms", NULL };
static const char *const file_names[] = { "@file", NULL }; /* completed */

static const char *const sample_values[] = { "all", NULL };

static bool keygen_given, audit_given, report_given, facts_given, policy_given;
static bool recompute_given;
static bool sign, adopt, show, scrub;

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Whom to believe" },
    { 'k', "key", SOV_OPT_LIST, &sov_verify.keys, "PUB",
      "trust signatures by this public key; may be given several times",
      .values = file_names },
    { 0, "policy", SOV_OPT_FILE, &sov_verify.policy, "FILE",
      "trust the keys that this policy names, for what it allows" },
    { 0, "require-claims", SOV_OPT_FILE, &sov_verify.require, "POLICY",
      "the same, and a model without claims is refused" },
    { 0, "claims", SOV_OPT_FILE, &sov_verify.claims, "FILE",
      "the claims of the model, if they are not beside it" },

    { 0, "more-claims", SOV_OPT_LIST, &sov_verify.more, "FILE",
      "these, too, such as what was declared of an ancestor since; may be "
      "repeated",
      .values = file_names },

    { .type = SOV_OPT_GROUP, .help = "Instead of verifying" },
    { 0, "show", SOV_OPT_FLAG, &show, NULL,
      "print the history of the model as a tree" },
    { 0, "report", SOV_OPT_ENUM, &sov_verify.report, "KIND",
      "write a paper about the model", .values = sov_verify_papers,
      .given = &report_given },
    { 0, "scrub", SOV_OPT_FLAG, &scrub, NULL,
      "look for damage against the index; quick, and no proof" },
    { 0, "recompute", SOV_OPT_CALL, &sov_verify.sample, "N",
      "make N tensors of it once more, or all, by what its claim says, and "
      "compare",
      .call = sov_verify_sample, .given = &recompute_given, .optional = true,
      .values = sample_values, .preset = "64" },
    { 0, "audit-log", SOV_OPT_FILE, &sov_verify.audit_log, "FILE",
      "look whether a log of sov-run is what was written",
      .given = &audit_given },
    { 0, "sign", SOV_OPT_FLAG, &sign, NULL,
      "sign the claim about the model, or its bytes if there is none" },
    { 0, "adopt", SOV_OPT_FLAG, &adopt, NULL,
      "claim where a model from outside came from" },
    { 0, "facts", SOV_OPT_FILE, &sov_verify.facts, "FILE",
      "sign what FILE declares of the model: licence, use, review, ...",
      .given = &facts_given },
    { 0, "sign-policy", SOV_OPT_FILE, &sov_verify.sign_policy, "FILE",
      "sign a policy, into FILE.sig.jsonl", .given = &policy_given },
    { 0, "keygen", SOV_OPT_FILE, &sov_verify.keygen, "NAME",
      "make a pair of keys: NAME.key, to keep, and NAME.pub, to give away",
      .given = &keygen_given },

    { .type = SOV_OPT_GROUP, .help = "Re-computing" },
    { 0, "source", SOV_OPT_LIST, &sov_verify.source, "FILE",
      "a file that it was made from: the model, a text, an adapter; may be "
      "repeated; with --adopt, the URI where it came from",
      .values = file_names },
    { 0, "stats", SOV_OPT_FILE, &sov_verify.stats, "FILE",
      "the statistics that it was made with" },
    { 0, "receipt", SOV_OPT_FILE, &sov_verify.receipt, "FILE",
      "write what was re-computed to FILE; signed, with --sign-key" },

    { .type = SOV_OPT_GROUP, .help = "Signing" },
    { 0, "sign-key", SOV_OPT_FILE, &sov_verify.sign_key, "FILE",
      "sign with this secret key" },
    { 0, "format", SOV_OPT_ENUM, &sov_verify.format, "FORM",
      "sign claims of our own, or model.sig as OMS has it", .values = formats },
    { 0, "claims-out", SOV_OPT_FILE, &sov_verify.claims_out, "FILE",
      "write the claims to FILE", .preset = "beside the model" },
    { 0, "freeze", SOV_OPT_FLAG, &sov_verify.freeze, NULL,
      "sign all lines of the claims together, as minisign does" },
    { 0, "revision", SOV_OPT_STRING, &sov_verify.revision, "R",
      "which version the adopted model is, such as a commit" },
    { 0, "license", SOV_OPT_LIST, &sov_verify.licenses, "ID",
      "a licence of the adopted model, such as Apache-2.0; may be repeated" },
    { 0, "no-password", SOV_OPT_FLAG, &sov_verify.no_password, NULL,
      "the new key has no password" },
    SOV_PASSWORD_ROW,
    { 0 },
};

static const struct {
    const bool *given;
    const char *option;
    int (*run)(int argc, char **argv, struct sov_err *err);
    bool signs; /* and heeds what is said about signing */
} modes[] = {
    { &keygen_given, "--keygen", sov_verify_keygen, false },
    { &show, "--show", sov_verify_show, false },
    { &report_given, "--report", sov_verify_report, false },
    { &scrub, "--scrub", sov_verify_scrub, false },
    { &audit_given, "--audit-log", sov_verify_audit, false },
    { &recompute_given, "--recompute", sov_verify_recompute, true },
    { &sign, "--sign", sov_verify_sign, true },
    { &adopt, "--adopt", sov_verify_adopt, true },
    { &facts_given, "--facts", sov_verify_facts, true },
    { &policy_given, "--sign-policy", sov_verify_sign_policy, true },
};

#define N_MODES (sizeof(modes) / sizeof(modes[0]))

static int
run(int argc, char **argv, struct sov_err *err)
{
    size_t mode = N_MODES;

    for (size_t i = 0; i < N_MODES; i++) {
        if (!*modes[i].given)
            continue;
        if (mode < N_MODES)
            return sov_fail(err, SOV_EARG, "%s and %s exclude each other",
                            modes[mode].option, modes[i].option);
        mode = i;
    }
    if ((mode == N_MODES || !modes[mode].signs) &&
        (sov_verify.sign_key != NULL || sov_verify.claims_out != NULL ||
         sov_verify.freeze || sov_verify.source.n > 0 ||
         sov_verify.revision != NULL || sov_verify.licenses.n > 0))
        return sov_fail(err, SOV_EARG,
                        "to sign a model, say --sign, or --adopt if it is "
                        "from outside, or --facts");
    if (sov_verify.more.n > 0 && mode != N_MODES && !show && !report_given &&
        !recompute_given)
        return sov_fail(err, SOV_EARG,
                        "--more-claims is of verifying, --show, --report and "
                        "--recompute");
    if (sov_common.output != NULL && !report_given)
        return sov_fail(err, SOV_EARG, "-o is for what --report writes");
    if (!recompute_given &&
        (sov_verify.receipt != NULL || sov_verify.stats != NULL))
        return sov_fail(err, SOV_EARG,
                        "--receipt and --stats go with --recompute");
    if (sov_verify.format != 0) {
        if (!sign)
            return sov_fail(err, SOV_EARG, "--format is of --sign");
        return sov_verify_oms_sign(argc, argv, err);
    }
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "-") == 0 && isatty(STDIN_FILENO))
            return sov_fail(err, SOV_EARG,
                            "standard input is a terminal, not a model");
    if (mode == N_MODES) {
        bool oms = false;
        int rc = sov_verify_is_oms(&oms, err);

        if (rc < 0)
            return rc;
        return oms ? sov_verify_oms_check(argc, argv, err)
                   : sov_verify_check(argc, argv, err);
    }
    return modes[mode].run(argc, argv, err);
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-verify",
        .summary = "who made this model, from what, and is it intact?",
        .operands = "MODEL...",
        .max_operands = -1,
        .common = SOV_COMMON_OUTPUT | SOV_COMMON_FORCE | SOV_COMMON_DEPFILE |
                  SOV_COMMON_THREADS | SOV_COMMON_MEMORY | SOV_COMMON_SEED |
                  SOV_COMMON_JSON | SOV_COMMON_PROGRESS | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
