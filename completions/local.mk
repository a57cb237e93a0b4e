# SPDX-License-Identifier: Apache-2.0
# completions/local.mk - for bash, zsh and fish; made by
# scripts/gen-completions.sh ("make completions" after an option has changed)

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = \
	%D%/bash/sov-bench \
	%D%/bash/sov-distill \
	%D%/bash/sov-prune \
	%D%/bash/sov-quantize \
	%D%/bash/sov-run \
	%D%/bash/sov-show \
	%D%/bash/sov-verify

zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = \
	%D%/zsh/_sov-bench \
	%D%/zsh/_sov-distill \
	%D%/zsh/_sov-prune \
	%D%/zsh/_sov-quantize \
	%D%/zsh/_sov-run \
	%D%/zsh/_sov-show \
	%D%/zsh/_sov-verify

fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = \
	%D%/fish/sov-bench.fish \
	%D%/fish/sov-distill.fish \
	%D%/fish/sov-prune.fish \
	%D%/fish/sov-quantize.fish \
	%D%/fish/sov-run.fish \
	%D%/fish/sov-show.fish \
	%D%/fish/sov-verify.fish

dist_noinst_SCRIPTS += scripts/gen-completions.sh

.PHONY: completions
completions: $(bin_PROGRAMS)
	$(AM_V_GEN)$(SHELL) $(srcdir)/scripts/gen-completions.sh \
		$(srcdir)/completions $(bin_PROGRAMS:%=./%)
