# SPDX-License-Identifier: Apache-2.0
# tests/cross/local.mk - kernels of other machines than this one

TESTS += %D%/aarch64.sh
EXTRA_DIST += %D%/aarch64.sh %D%/check.h %D%/isa.c
