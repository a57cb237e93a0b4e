# SPDX-License-Identifier: Apache-2.0
# lib/sys/local.mk - floor 1: files, pipes, hashes, cpu, threads

libsov_all_la_SOURCES += \
	%D%/ahead.c %D%/ahead.h \
	%D%/append.c \
	%D%/archive.c %D%/archive.h \
	%D%/cgroup.c %D%/cgroup.h %D%/cpu.c %D%/cpu.h \
	%D%/file.c %D%/file.h \
	%D%/folder.c \
	%D%/grow.c %D%/grow.h \
	%D%/guard.c %D%/guard.h \
	%D%/hash.c %D%/hash.h \
	%D%/hashfile.c \
	%D%/lock.c \
	%D%/looks.c \
	%D%/members.c %D%/members.h \
	%D%/memory.c \
	%D%/pack.c \
	%D%/par.c %D%/par.h \
	%D%/queue.c %D%/queue.h \
	%D%/part.c %D%/part.h \
	%D%/pending.c %D%/pending.h \
	%D%/power.c \
	%D%/sha.c %D%/sha.h %D%/sha_kerns.h %D%/sha_lanes.h \
	%D%/sink.c %D%/sink.h \
	%D%/sink_set.c \
	%D%/source.c \
	%D%/squeeze.c %D%/squeeze.h \
	%D%/tmpdir.h \
	%D%/tree.c %D%/tree.h \
	%D%/zipdir.c %D%/zipdir.h

# SHA-256 by instruction set.
if SOV_ISA_AVX2
noinst_LTLIBRARIES += libsys_avx2.la
libsys_avx2_la_SOURCES = %D%/avx2/sha.c
libsys_avx2_la_CFLAGS = $(AM_CFLAGS) $(AVX2_CFLAGS)
libsov_all_la_LIBADD += libsys_avx2.la
endif

if SOV_ISA_AVX512
noinst_LTLIBRARIES += libsys_avx512.la
libsys_avx512_la_SOURCES = %D%/avx512/sha.c
libsys_avx512_la_CFLAGS = $(AM_CFLAGS) $(AVX512_CFLAGS)
libsov_all_la_LIBADD += libsys_avx512.la
endif

if SOV_ISA_SHANI
noinst_LTLIBRARIES += libsys_shani.la
libsys_shani_la_SOURCES = %D%/shani/sha.c %D%/shani/lanes.h
libsys_shani_la_CFLAGS = $(AM_CFLAGS) $(SHANI_CFLAGS)
libsov_all_la_LIBADD += libsys_shani.la
endif

if SOV_ISA_SHAVL
noinst_LTLIBRARIES += libsys_shavl.la
libsys_shavl_la_SOURCES = %D%/shavl/sha.c
libsys_shavl_la_CFLAGS = $(AM_CFLAGS) $(SHAVL_CFLAGS)
libsov_all_la_LIBADD += libsys_shavl.la
endif

if SOV_ISA_SHAARM
noinst_LTLIBRARIES += libsys_shaarm.la
libsys_shaarm_la_SOURCES = %D%/shaarm/sha.c
libsys_shaarm_la_CFLAGS = $(AM_CFLAGS) $(SHAARM_CFLAGS)
libsov_all_la_LIBADD += libsys_shaarm.la
endif
