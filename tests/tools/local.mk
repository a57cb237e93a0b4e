# SPDX-License-Identifier: Apache-2.0
# tests/tools/local.mk - programs that tests use, not installed

check_PROGRAMS += tests/tools/mkmodel tests/tools/cmpmodel
tests_tools_mkmodel_SOURCES = %D%/mkmodel.c
tests_tools_cmpmodel_SOURCES = %D%/cmpmodel.c
tests_tools_cmpmodel_LDADD = libsovcore.la
EXTRA_DIST += %D%/fold-types.awk
