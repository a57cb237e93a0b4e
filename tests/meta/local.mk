# SPDX-License-Identifier: Apache-2.0
# tests/meta/local.mk - scripts that hold the tree to its own rules

meta_tests =
meta_tests += %D%/abi.sh
meta_tests += %D%/completions.sh
meta_tests += %D%/dist.sh
meta_tests += %D%/examples.sh
meta_tests += %D%/headers.sh
meta_tests += %D%/layers.sh
meta_tests += %D%/man.sh
meta_tests += %D%/options.sh
meta_tests += %D%/quarantine.sh
meta_tests += %D%/quiet.sh
meta_tests += %D%/shell.sh
meta_tests += %D%/spdx.sh

TESTS += $(meta_tests)
EXTRA_DIST += $(meta_tests)

# After a public function has come or gone, on purpose.
.PHONY: update-abi
update-abi: libsovcore.la
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/abi.sh update
