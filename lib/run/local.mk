# SPDX-License-Identifier: Apache-2.0
# lib/run/local.mk - floor 7: sessions, batches, sampling, chat

libsov_all_la_SOURCES += \
	%D%/channel.c \
	%D%/chat.c \
	%D%/dialog.c %D%/dialog.h \
	%D%/embed.c \
	%D%/encode.c \
	%D%/fit.c \
	%D%/request.c \
	%D%/sample.c \
	%D%/session.c %D%/session.h \
	%D%/stream.c
