# SPDX-License-Identifier: Apache-2.0
# lib/jinja/local.mk - floor 4: the language of chat templates

libsov_all_la_SOURCES += \
	%D%/branch.c \
	%D%/calc.c \
	%D%/call.c \
	%D%/code.h \
	%D%/define.c \
	%D%/expr.c \
	%D%/filter.c \
	%D%/filter_list.c \
	%D%/format.c \
	%D%/given.c %D%/given.h \
	%D%/jinja.c %D%/jinja.h \
	%D%/lex.c \
	%D%/loop.c \
	%D%/machine.c %D%/machine.h \
	%D%/method.c %D%/method.h \
	%D%/method_str.c \
	%D%/operand.c \
	%D%/ops.c \
	%D%/parse.c %D%/parse.h \
	%D%/scope.c \
	%D%/test.c \
	%D%/text.c \
	%D%/tojson.c \
	%D%/value.c %D%/value.h \
	%D%/wait.c %D%/wait.h \
	%D%/width.c
