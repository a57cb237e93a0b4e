# SPDX-License-Identifier: Apache-2.0
# models/local.mk - the built-in model
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
