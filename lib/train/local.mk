# SPDX-License-Identifier: Apache-2.0
# lib/train/local.mk - floor 8: backward, losses, optimisers

libsov_all_la_SOURCES += \
	%D%/loss.c \
	%D%/loss.h \
	%D%/loss_kl.c \
	%D%/loss_row.h \
	%D%/loss_vec.c \
	%D%/losses.def \
	%D%/match.c \
	%D%/match.h \
	%D%/optim.c %D%/optim.h %D%/optim_in.h %D%/optims.def \
	%D%/optim_adamw.c \
	%D%/optim_cut.c \
	%D%/optim_muon.c \
	%D%/prim.c %D%/prim.h \
	%D%/prim_attn.c %D%/prim_rope.c \
	%D%/real.h \
	%D%/schedule.c %D%/schedules.def \
	%D%/sum.c %D%/sum.h \
	%D%/trainee.c %D%/trainee.h %D%/trainee_in.h \
	%D%/trainee_bind.c \
	%D%/trainee_layer.c \
	%D%/trainee_linear.c \
	%D%/trainee_match.c \
	%D%/trainee_shape.c \
	%D%/trainee_unit.c \
	%D%/trainee_weights.c \
	%D%/trainee_write.c
