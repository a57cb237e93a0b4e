# SPDX-License-Identifier: Apache-2.0
# tests/unit/kern.mk - unit tests of lib/kern

unit_tests += tests/unit/t_kern_nn
tests_unit_t_kern_nn_SOURCES = %D%/t_kern_nn.c %D%/unit.h
tests_unit_t_kern_nn_CFLAGS = $(unit_cflags)
tests_unit_t_kern_nn_LDADD = $(unit_libs)

unit_tests += tests/unit/t_kern_codec
tests_unit_t_kern_codec_SOURCES = %D%/t_kern_codec.c %D%/unit.h
tests_unit_t_kern_codec_CFLAGS = $(unit_cflags)
tests_unit_t_kern_codec_LDADD = $(unit_libs)

unit_tests += tests/unit/t_kern_float
tests_unit_t_kern_float_SOURCES = %D%/t_kern_float.c %D%/unit.h
tests_unit_t_kern_float_CFLAGS = $(unit_cflags)
tests_unit_t_kern_float_LDADD = $(unit_libs)

unit_tests += tests/unit/t_kern_attn
tests_unit_t_kern_attn_SOURCES = %D%/t_kern_attn.c %D%/unit.h
tests_unit_t_kern_attn_CFLAGS = $(unit_cflags)
tests_unit_t_kern_attn_LDADD = $(unit_libs)

unit_tests += tests/unit/t_kern_blend
tests_unit_t_kern_blend_SOURCES = %D%/t_kern_blend.c %D%/unit.h
tests_unit_t_kern_blend_CFLAGS = $(unit_cflags)
tests_unit_t_kern_blend_LDADD = $(unit_libs) -lm

unit_tests += tests/unit/t_kern_optim
tests_unit_t_kern_optim_SOURCES = %D%/t_kern_optim.c %D%/unit.h
tests_unit_t_kern_optim_CFLAGS = $(unit_cflags)
tests_unit_t_kern_optim_LDADD = $(unit_libs)
