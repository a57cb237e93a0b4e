# SPDX-License-Identifier: Apache-2.0
# lib/distill/local.mk - floor 10: teaching a model

if SOV_MPI
noinst_LTLIBRARIES += libcomm_mpi.la
libcomm_mpi_la_SOURCES = %D%/comm_mpi.c
libcomm_mpi_la_CFLAGS = $(AM_CFLAGS) $(MPI_CFLAGS)
libsov_all_la_LIBADD += libcomm_mpi.la
deps_libs += $(MPI_LIBS)
endif

libsov_all_la_SOURCES += \
	%D%/cache.c \
	%D%/cache.h \
	%D%/cache_in.h \
	%D%/cache_make.c \
	%D%/cache_make.h \
	%D%/cache_out.h \
	%D%/cache_resume.c \
	%D%/cache_write.c \
	%D%/comm.c %D%/comm.h %D%/comm_in.h %D%/comms.def \
	%D%/corpus.c \
	%D%/corpus.h \
	%D%/course.c \
	%D%/course.h \
	%D%/crowd.c \
	%D%/crowd.h \
	%D%/delta.c %D%/delta.h %D%/delta_write.c \
	%D%/draw.c \
	%D%/few_code.c \
	%D%/few_code.h \
	%D%/insight.c \
	%D%/insight.h \
	%D%/limits.h \
	%D%/listing.c \
	%D%/listing.h \
	%D%/local.c %D%/local.h \
	%D%/make.c \
	%D%/make.h \
	%D%/near.c \
	%D%/near.h \
	%D%/repair.c \
	%D%/repair.h \
	%D%/rules.def \
	%D%/shuffle.c \
	%D%/shuffle.h \
	%D%/sieve.c \
	%D%/sieve.h \
	%D%/sieve_in.h \
	%D%/sieve_report.c \
	%D%/teacher.c \
	%D%/teacher.h \
	%D%/texts.c \
	%D%/texts.h \
	%D%/tokens.c \
	%D%/tokens.h \
	%D%/traits.c \
	%D%/traits.h \
	%D%/vocab.c \
	%D%/vocab.h

# a run of training
libsov_all_la_SOURCES += \
	%D%/checkpoint.c %D%/checkpoint.h \
	%D%/apart.c \
	%D%/choose.c \
	%D%/distill.c \
	%D%/foretell.c \
	%D%/generate.c \
	%D%/judge.c \
	%D%/loop.c \
	%D%/policy.c %D%/policy.h \
	%D%/resume.c \
	%D%/run.h \
	%D%/show.c \
	%D%/student.c %D%/student.h \
	%D%/taught.c %D%/taught.h \
	%D%/unit.c %D%/unit.h \
	%D%/work.c
