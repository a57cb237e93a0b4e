# SPDX-License-Identifier: Apache-2.0
# lib/train/local.mk - floor 8: backward, losses, optimisers

libsov_all_la_SOURCES += \
	%D%/loss.c \
	%D%/loss.h \
	%D%/loss_kl.c \
	%D%/loss_row.h \
	%D%/loss_vec.c \
	%D%/losses.def \
	%D%/optim.h \
	%D%/prim.c %D%/prim.h \
	%D%/real.h \
	%D%/sum.h \
	%D%/trainee.h
