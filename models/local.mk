# SPDX-License-Identifier: Apache-2.0
# models/local.mk - the built-in model, and a small one that it has taught
#
# tale is what sov-run uses without -m; it is installed as it was published.

taledir = $(pkgdatadir)/models/tale
dist_tale_DATA = \
	%D%/tale/README.md \
	%D%/tale/config.json \
	%D%/tale/generation_config.json \
	%D%/tale/model.safetensors \
	%D%/tale/tokenizer.model \
	%D%/tale/tokenizer_config.json

tale_smalldir = $(pkgdatadir)/models/tale-small
dist_tale_small_DATA = \
	%D%/tale-small/README.md \
	%D%/tale-small/tale-small.gguf \
	%D%/tale-small/tale-small.gguf.claims.jsonl \
	%D%/tale-small/tale-small.pub

# A program that is not installed looks for it beside its bin/, so a build
# folder outside of the sources gets a link.
all-local: link-tale
link-tale:
	@test -e models/tale/config.json || { $(MKDIR_P) models && \
		$(LN_S) '$(abs_top_srcdir)/models/tale' models/tale; }
clean-local: unlink-tale
unlink-tale:
	@test ! -L models/tale || { rm -f models/tale; rmdir models 2>/dev/null || :; }
.PHONY: link-tale unlink-tale
