# SPDX-License-Identifier: Apache-2.0
# tests/cli/archive/local.mk - models in archives, in and out

cli_tests += %D%/bombs.sh
cli_tests += %D%/claims.sh
cli_tests += %D%/early.sh
cli_tests += %D%/forms.sh
cli_tests += %D%/hostile.sh
cli_tests += %D%/pack.sh
EXTRA_DIST += %D%/lib.sh
