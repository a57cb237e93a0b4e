# SPDX-License-Identifier: Apache-2.0
# lib/fmt/local.mk - floor 3: GGUF, safetensors, model directories

libsov_all_la_SOURCES += \
	%D%/archive.c \
	%D%/bag.c \
	%D%/bag.h \
	%D%/build.c \
	%D%/digest.c \
	%D%/digest.h \
	%D%/format.h \
	%D%/formats.def \
	%D%/gguf.c \
	%D%/gguf.h \
	%D%/gguf_read.c \
	%D%/gguf_read.h \
	%D%/gguf_write.c \
	%D%/guess.c \
	%D%/held.c \
	%D%/imatrix.c \
	%D%/in.c \
	%D%/in.h \
	%D%/make.c \
	%D%/make.h \
	%D%/makes.def \
	%D%/members.c \
	%D%/members.h \
	%D%/meta.c \
	%D%/meta.h \
	%D%/meta_text.c \
	%D%/model.c \
	%D%/model.h \
	%D%/forms.def \
	%D%/layout.c \
	%D%/lend.c \
	%D%/order.c \
	%D%/plan.c \
	%D%/plan.h \
	%D%/read.c \
	%D%/rebuild.c \
	%D%/safetensors.c \
	%D%/safetensors.h \
	%D%/safetensors_dir.c \
	%D%/safetensors_write.c \
	%D%/shadow.c \
	%D%/side.c \
	%D%/swap.c \
	%D%/swap.def \
	%D%/vtype.h \
	%D%/writer.c
