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

struct sov_verify sov_verify;

static bool keygen_given;

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Keys" },
    { 0, "keygen", SOV_OPT_FILE, &sov_verify.keygen, "NAME",
      "make a pair of keys: NAME.key, to keep, and NAME.pub, to give away",
      .given = &keygen_given },
    { 0, "no-password", SOV_OPT_FLAG, &sov_verify.no_password, NULL,
      "the new key has no password" },
    SOV_PASSWORD_ROW,
    { 0 },
};

static const struct {
    const bool *given;
    const char *option;
    int (*run)(int argc, char **argv, struct sov_err *err);
} modes[] = {
    { &keygen_given, "--keygen", sov_verify_keygen },
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
    if (mode == N_MODES)
        return sov_fail(err, SOV_EARG, "say what to do: --keygen");
    return modes[mode].run(argc, argv, err);
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-verify",
        .summary = "who made this model, from what, and is it intact?",
        .operands = "[MODEL...]",
        .max_operands = -1,
        .common = SOV_COMMON_FORCE | SOV_COMMON_THREADS | SOV_COMMON_JSON |
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
