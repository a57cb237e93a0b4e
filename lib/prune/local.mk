# SPDX-License-Identifier: Apache-2.0
# lib/prune/local.mk - floor 10: taking weights out of a model

libsov_all_la_SOURCES += \
	%D%/alps.c \
	%D%/axes.def \
	%D%/cost.c %D%/cost.h \
	%D%/decide.c \
	%D%/dsnot.c %D%/dsnot.h \
	%D%/experts.c \
	%D%/ffn.c \
	%D%/flow.c \
	%D%/heads.c \
	%D%/hidden.c \
	%D%/influence.c \
	%D%/eigen.c %D%/eigen.h \
	%D%/inputs.c %D%/inputs.h \
	%D%/job.c %D%/job.h \
	%D%/layers.c %D%/layers.h \
	%D%/limits.h \
	%D%/magnitude.c \
	%D%/method.c %D%/method.h %D%/methods.def \
	%D%/obs.c %D%/obs.h %D%/obs_in.h %D%/obs_solve.c \
	%D%/owl.c %D%/owl.h \
	%D%/pack.c %D%/pack.h \
	%D%/pattern.c \
	%D%/resume.c \
	%D%/rotate.c \
	%D%/rule.c \
	%D%/select.c \
	%D%/shape.c %D%/shape.h \
	%D%/shape_job.c %D%/shape_job.h \
	%D%/sheet.c \
	%D%/sparsegpt.c \
	%D%/stream.c \
	%D%/sweep.c %D%/sweep.h %D%/sweep_in.h \
	%D%/sweep_batch.c %D%/sweep_cost.c \
	%D%/trim.c %D%/trim.h \
	%D%/trim_meta.c \
	%D%/trim_plan.c \
	%D%/trim_vocab.c \
	%D%/turn.c %D%/turn.h %D%/turn_axes.c \
	%D%/vocab.c \
	%D%/wanda.c \
	%D%/width.c
