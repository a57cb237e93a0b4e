/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - which sov this is
 */
#include "config.h"

#include "sov/base.h"

const char *
sov_version(void)
{
    return PACKAGE_VERSION;
}
