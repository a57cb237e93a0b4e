# SPDX-License-Identifier: Apache-2.0
# tests/unit/local.mk - one Check program for each floor
#
# Each floor has its own fragment here, so that two people adding tests do
# not meet in one file.  A fragment reads:
#
#   unit_tests += tests/unit/t_base
#   tests_unit_t_base_SOURCES = %D%/t_base.c %D%/unit.h
#   tests_unit_t_base_CFLAGS = $(unit_cflags)
#   tests_unit_t_base_LDADD = $(unit_libs)

unit_tests =
unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) -Wno-conversion -Wno-format-nonliteral
unit_libs = libsov_all.la $(deps_libs) $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
else
check-local: check-without-check
check-without-check:
	@echo "make check: the unit tests need Check; on Debian:" >&2
	@echo "    apt-get install check     and configure again" >&2
	@exit 1
endif
EXTRA_PROGRAMS += $(unit_tests)

include tests/unit/base.mk
include tests/unit/sys.mk
include tests/unit/tensor.mk
include tests/unit/fmt.mk
include tests/unit/quant.mk
include tests/unit/kern.mk
include tests/unit/tok.mk
include tests/unit/jinja.mk
include tests/unit/trust_claims.mk
include tests/unit/trust_keys.mk
include tests/unit/nn.mk
include tests/unit/arch.mk
include tests/unit/run.mk
include tests/unit/calib.mk
include tests/unit/train.mk
include tests/unit/train_optim.mk
include tests/unit/compress.mk
include tests/unit/measure.mk
include tests/unit/bench.mk
include tests/unit/loss.mk
include tests/unit/data.mk
include tests/unit/train_prim.mk
include tests/unit/train_net.mk
include tests/unit/prune.mk
include tests/unit/prune_cost.mk
include tests/unit/prune_obs.mk
include tests/unit/prune_rotate.mk
