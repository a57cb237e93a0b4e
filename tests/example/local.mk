# SPDX-License-Identifier: Apache-2.0
# tests/example/local.mk - the program of sovcore(3)

TESTS += %D%/example.sh
EXTRA_DIST += %D%/example.sh %D%/tensors.c
