# SPDX-License-Identifier: Apache-2.0
# lib/arch/local.mk - floor 6: one file per architecture, with its import

libsov_all_la_SOURCES += \
	%D%/arch.h %D%/archs.def \
	%D%/bind.c %D%/bind.h \
	%D%/carried.c \
	%D%/dense.c \
	%D%/experts.c \
	%D%/export.c %D%/export.h %D%/exports.def \
	%D%/export_family.c \
	%D%/export_stack.c \
	%D%/export_json.c \
	%D%/export_pieces.c \
	%D%/export_rope.c \
	%D%/export_vocab.c \
	%D%/hparams.c %D%/hparams.h \
	%D%/import.c %D%/import.h %D%/imports.def \
	%D%/import_bert.c \
	%D%/import_falcon.c \
	%D%/import_family.c %D%/import_family.h \
	%D%/import_gemma.c \
	%D%/import_gpt2.c \
	%D%/import_gpt_oss.c \
	%D%/import_granite.c \
	%D%/import_llama.c \
	%D%/import_modern_bert.c \
	%D%/import_olmo2.c \
	%D%/import_packed.c \
	%D%/import_phi3.c \
	%D%/import_pool.c \
	%D%/import_qwen.c \
	%D%/import_rope.c \
	%D%/import_shape.c %D%/import_shape.h \
	%D%/import_stack.c \
	%D%/import_starcoder2.c \
	%D%/import_vocab.c \
	%D%/work.c \
	%D%/qwen2.c \
	%D%/qwen3.c \
	%D%/qwen3moe.c \
	%D%/olmo2.c \
	%D%/granite.c \
	%D%/gemma2.c \
	%D%/gemma3.c \
	%D%/phi3.c \
	%D%/falcon.c \
	%D%/gpt2.c \
	%D%/starcoder2.c \
	%D%/gpt_oss.c \
	%D%/bert.c \
	%D%/nomic_bert.c \
	%D%/modern_bert.c \
	%D%/gemma_embedding.c \
	%D%/llama.c \
	%D%/mistral3.c \
	%D%/lora.c %D%/lora.h \
	%D%/low.c %D%/low.h \
	%D%/net.c \
	%D%/seats.c \
	%D%/walk.c \
	%D%/open.c \
	%D%/sane.c %D%/sane.h
