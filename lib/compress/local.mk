# SPDX-License-Identifier: Apache-2.0
# lib/compress/local.mk - floor 9: quantizing a whole model

libsov_all_la_SOURCES += \
	%D%/allot.c %D%/allot.h \
	%D%/alpha.c \
	%D%/compat.c %D%/compat.def \
	%D%/draft.c %D%/draft.h \
	%D%/calibrated.c %D%/calibrated.h %D%/calibrated_in.h \
	%D%/calibrated_cost.c \
	%D%/error.c %D%/error.h \
	%D%/feedback.c %D%/feedback.h %D%/feedback_in.h \
	%D%/feedback_aim.c %D%/feedback_factor.c %D%/feedback_loss.c \
	%D%/feedback_rows.c %D%/feedback_rows.h \
	%D%/feedback_unit.c %D%/feedback_unit.h \
	%D%/importance.c %D%/importance.h \
	%D%/job.c %D%/job.h %D%/job_in.h \
	%D%/job_plan.c \
	%D%/job_tell.c \
	%D%/journal.c %D%/journal.h \
	%D%/knap.c %D%/knap.h \
	%D%/merge.c %D%/merge.h \
	%D%/mix.c %D%/mix.h \
	%D%/mixes.def \
	%D%/pace.c \
	%D%/resume.c %D%/resume.h \
	%D%/rule.c \
	%D%/settled.c %D%/settled.h \
	%D%/sheet.c \
	%D%/slab.c %D%/slab.h \
	%D%/stream.c \
	%D%/trial.c %D%/trial.h
