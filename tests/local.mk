# SPDX-License-Identifier: Apache-2.0
# tests/local.mk - what make check runs
#
# unit/  Check programs, one for each floor; they link libsov_all.la
# fuzz/  fuzz targets, which also replay their corpus here
# cli/   shell scripts that run the tools as a user would
# meta/  shell scripts that look at the tree itself
# cross/ kernels of another machine, under an emulator
#
# A test that cannot run here exits 77 and says why.  Slow tests are named
# slow_* and run only when SOV_SLOW=1.

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	SOV_PEER=$${SOV_PEER-}; export SOV_PEER; \
	SOV_DATADIR='$(abs_top_srcdir)'; export SOV_DATADIR; \
	ASAN_OPTIONS=allocator_may_return_null=1; export ASAN_OPTIONS; \
	SOV_SANITIZED='$(SOV_SANITIZED)'; export SOV_SANITIZED; \
	LC_ALL=C; export LC_ALL;

EXTRA_DIST += tests/data

include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/tools/local.mk
include tests/cli/local.mk
include tests/meta/local.mk
include tests/bench/local.mk
include tests/example/local.mk
include tests/cross/local.mk
