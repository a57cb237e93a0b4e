# SPDX-License-Identifier: Apache-2.0
# lib/jinja/local.mk - floor 4: the language of chat templates

libsov_all_la_SOURCES += \
	%D%/calc.c \
	%D%/code.h \
	%D%/expr.c \
	%D%/filter.c \
	%D%/filter_list.c \
	%D%/format.c \
	%D%/given.c %D%/given.h \
	%D%/jinja.c %D%/jinja.h \
	%D%/lex.c \
	%D%/machine.c \
	%D%/method.c %D%/method.h \
	%D%/method_str.c \
	%D%/ops.c \
	%D%/parse.c %D%/parse.h \
	%D%/test.c \
	%D%/text.c \
	%D%/tojson.c \
	%D%/value.c %D%/value.h
