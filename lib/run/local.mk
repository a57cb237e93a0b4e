# SPDX-License-Identifier: Apache-2.0
# lib/run/local.mk - floor 7: sessions, batches, sampling, chat

libsov_all_la_SOURCES += \
	%D%/chat.c \
	%D%/embed.c \
	%D%/encode.c \
	%D%/request.c \
	%D%/sample.c \
	%D%/session.c %D%/session.h \
	%D%/stream.c
