# SPDX-License-Identifier: Apache-2.0
# lib/sys/local.mk - floor 1: files, pipes, hashes, cpu, threads

libsov_all_la_SOURCES += \
	%D%/archive.c %D%/archive.h \
	%D%/cpu.c %D%/cpu.h \
	%D%/file.c %D%/file.h \
	%D%/hash.c %D%/hash.h \
	%D%/hashfile.c \
	%D%/par.c %D%/par.h \
	%D%/pending.c %D%/pending.h \
	%D%/sha.c %D%/sha.h \
	%D%/sink.c %D%/sink.h \
	%D%/sink_set.c \
	%D%/source.c \
	%D%/tmpdir.h \
	%D%/tree.c %D%/tree.h
