# SPDX-License-Identifier: Apache-2.0
# lib/compress/local.mk - floor 9: quantizing a whole model

libsov_all_la_SOURCES += \
	%D%/error.c %D%/error.h \
	%D%/feedback.c %D%/feedback.h %D%/feedback_in.h \
	%D%/feedback_aim.c %D%/feedback_factor.c %D%/feedback_loss.c \
	%D%/feedback_rows.c %D%/feedback_rows.h \
	%D%/feedback_unit.c %D%/feedback_unit.h \
	%D%/importance.c %D%/importance.h \
	%D%/job.c %D%/job.h \
	%D%/journal.c %D%/journal.h \
	%D%/merge.c %D%/merge.h \
	%D%/mix.c %D%/mix.h \
	%D%/mixes.def \
	%D%/resume.c %D%/resume.h \
	%D%/stream.c
