# SPDX-License-Identifier: Apache-2.0
# lib/quant/local.mk - floor 3: block layouts and codecs

libsov_all_la_SOURCES += \
	%D%/apart.h \
	%D%/bf16.c \
	%D%/codec.c \
	%D%/codec.h \
	%D%/codecs.def \
	%D%/encode_32.h \
	%D%/encode_fp4.h \
	%D%/encode_grid.h \
	%D%/encode_k.h \
	%D%/encode_t.h \
	%D%/f16.c \
	%D%/f32.c \
	%D%/f64.c \
	%D%/f8_e4m3.c \
	%D%/f8_e5m2.c \
	%D%/f8_e8m0.c \
	%D%/fp4_scale.h \
	%D%/grid_index.c \
	%D%/grid_index.h \
	%D%/grid_points.h \
	%D%/grids.c \
	%D%/grids.h \
	%D%/iq1_m.c \
	%D%/iq1_s.c \
	%D%/iq2_s.c \
	%D%/iq2_xs.c \
	%D%/iq2_xxs.c \
	%D%/iq3_s.c \
	%D%/iq3_xxs.c \
	%D%/iq4_nl.c \
	%D%/iq4_xs.c \
	%D%/kscale.h \
	%D%/lane.h \
	%D%/layout.h \
	%D%/levels.h \
	%D%/mxfp4.c \
	%D%/nvfp4.c \
	%D%/q1_0.c \
	%D%/q2_0.c \
	%D%/q2_k.c \
	%D%/q3_k.c \
	%D%/q4_0.c \
	%D%/q4_1.c \
	%D%/q4_k.c \
	%D%/q5_0.c \
	%D%/q5_1.c \
	%D%/q5_k.c \
	%D%/q6_k.c \
	%D%/q8_0.c \
	%D%/search.h \
	%D%/search_grid.h \
	%D%/search_k.h \
	%D%/tq1_0.c \
	%D%/tq2_0.c
