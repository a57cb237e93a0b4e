# SPDX-License-Identifier: Apache-2.0
# lib/kern/local.mk - floor 4: kernels, one library and one set of flags for
# each instruction set
#
# The generic kernels are the specification and take the flags of the house;
# the dispatcher (kern.c) and whatever needs no intrinsics stands with them.

noinst_LTLIBRARIES += libkern_generic.la
libkern_generic_la_SOURCES = \
	%D%/kern.c %D%/kern.h %D%/feedback.h %D%/feedback_lanes.h \
	%D%/generic/feedback.c \
	%D%/overlay.h %D%/overlays.def %D%/panel.c %D%/panel.h \
	%D%/panel_tiles.h %D%/lift.h %D%/mul_256.h \
	%D%/tile.c %D%/tile.h %D%/tiles.h \
	%D%/adamw.h %D%/attn_groups.h %D%/blend.h %D%/unroll.h \
	%D%/expand.c %D%/expand.h \
	%D%/unpack.h %D%/unpack_32.h %D%/unpack_256.h %D%/unpack_sparse.h \
	%D%/unpack_bits.h \
	%D%/rows.h %D%/rows_32.h %D%/rows_256.h %D%/rows_grid.h \
	%D%/strips.h %D%/strips_256.h %D%/strips_32.h \
	%D%/generic/exp.h %D%/generic/fix.h %D%/generic/fma.h \
	%D%/generic/lanes.h %D%/generic/f32.c %D%/generic/act.c \
	%D%/generic/blend.c \
	%D%/generic/blocks.h %D%/generic/readers.def \
	%D%/generic/read_32.c %D%/generic/read_256.c %D%/generic/read_grid.c \
	%D%/generic/read_sparse.c \
	%D%/generic/dot.c %D%/generic/float.c %D%/generic/attn.c \
	%D%/generic/optim.c %D%/generic/outer.c %D%/generic/product.h
libsov_all_la_LIBADD += libkern_generic.la

if SOV_ISA_AVX2
noinst_LTLIBRARIES += libkern_avx2.la
libkern_avx2_la_SOURCES = \
	%D%/avx2/feedback.c \
	%D%/avx2/codec.c %D%/avx2/lane.h %D%/codec.h \
	%D%/avx2/f32.c %D%/avx2/act.c %D%/avx2/dot.c %D%/avx2/attn.c %D%/avx2/attn.h \
	%D%/avx2/blend.c \
	%D%/avx2/vec.h %D%/avx2/mul_32.h %D%/avx2/panel_32.c %D%/avx2/panel_256.c \
	%D%/avx2/sparse.c %D%/avx2/sparse.h %D%/avx2/products.h \
	%D%/avx2/row.h %D%/avx2/float.c %D%/avx2/flush.h %D%/avx2/tree.h \
	%D%/avx2/optim.c %D%/avx2/outer.c %D%/avx2/outer.h %D%/avx2/outer_bf16.c
libkern_avx2_la_CFLAGS = $(AM_CFLAGS) $(AVX2_CFLAGS)
libsov_all_la_LIBADD += libkern_avx2.la
endif

if SOV_ISA_AVXVNNI
noinst_LTLIBRARIES += libkern_avxvnni.la
libkern_avxvnni_la_SOURCES = \
	%D%/avxvnni/dot.c %D%/avxvnni/attn.c %D%/avxvnni/vec.h \
	%D%/avxvnni/panel_32.c %D%/avxvnni/panel_256.c
libkern_avxvnni_la_CFLAGS = $(AM_CFLAGS) $(AVXVNNI_CFLAGS)
libsov_all_la_LIBADD += libkern_avxvnni.la
endif

if SOV_ISA_AVX512
noinst_LTLIBRARIES += libkern_avx512.la
libkern_avx512_la_SOURCES = \
	%D%/avx512/feedback.c \
	%D%/avx512/codec.c %D%/avx512/lane.h %D%/codec.h \
	%D%/avx512/f32.c %D%/avx512/act.c %D%/avx512/dot.c \
	%D%/avx512/blend.c \
	%D%/avx512/vec.h %D%/avx512/panel_32.c %D%/avx512/panel_256.c \
	%D%/avx512/mul_256.h %D%/avx512/attn.h %D%/avx512/attn.c \
	%D%/avx512/attn_few.c %D%/avx512/attn_many.c \
	%D%/avx512/row.h %D%/avx512/points.h %D%/avx512/whole.h \
	%D%/avx512/four.h \
	%D%/avx512/float.c %D%/avx512/floats.h %D%/avx512/tree.h \
	%D%/avx512/optim.c %D%/avx512/outer.c %D%/avx512/outer.h %D%/avx512/outer_bf16.c
libkern_avx512_la_CFLAGS = $(AM_CFLAGS) $(AVX512_CFLAGS)
libsov_all_la_LIBADD += libkern_avx512.la
endif

if SOV_ISA_AVX512VBMI
noinst_LTLIBRARIES += libkern_avx512vbmi.la
libkern_avx512vbmi_la_SOURCES = \
	%D%/avx512vbmi/codes.h %D%/avx512vbmi/dot.c \
	%D%/avx512vbmi/panel.c %D%/avx512vbmi/points.h \
	%D%/avx512vbmi/sparse.c %D%/avx512vbmi/sparse.h \
	%D%/avx512vbmi/panel_sparse.c
libkern_avx512vbmi_la_CFLAGS = $(AM_CFLAGS) $(AVX512VBMI_CFLAGS)
libsov_all_la_LIBADD += libkern_avx512vbmi.la
endif

if SOV_ISA_AVX512BF16
noinst_LTLIBRARIES += libkern_avx512bf16.la
libkern_avx512bf16_la_SOURCES = \
	%D%/avx512bf16/float.c %D%/avx512bf16/outer.c
libkern_avx512bf16_la_CFLAGS = $(AM_CFLAGS) $(AVX512BF16_CFLAGS)
libsov_all_la_LIBADD += libkern_avx512bf16.la
endif

if SOV_ISA_NEON
noinst_LTLIBRARIES += libkern_neon.la
libkern_neon_la_SOURCES = \
	%D%/neon/codec.c %D%/neon/f32.c %D%/neon/blend.c %D%/neon/float.c \
	%D%/neon/lanes.h %D%/neon/exp.h %D%/neon/attn.c \
	%D%/neon/act.c %D%/neon/dot.c %D%/neon/row.h \
	%D%/neon/vec.h %D%/neon/panel_32.c %D%/neon/panel_256.c \
	%D%/neon/optim.c %D%/neon/outer.c %D%/neon/flush.h
libkern_neon_la_CFLAGS = $(AM_CFLAGS) $(NEON_CFLAGS)
libsov_all_la_LIBADD += libkern_neon.la
endif
