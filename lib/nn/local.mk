# SPDX-License-Identifier: Apache-2.0
# lib/nn/local.mk - floor 5: matmul, norm, rope, attention, KV cache

libsov_all_la_SOURCES += \
	%D%/attn.c %D%/attn.h %D%/attn_forms.h \
	%D%/attn_pages.c %D%/attn_rows.c \
	%D%/fn.c %D%/fn.h \
	%D%/gemm.c %D%/gemm.h \
	%D%/low.c %D%/low.h \
	%D%/mat.c %D%/mat.h \
	%D%/nn.c %D%/nn.h \
	%D%/rope.c %D%/rope.h
