# SPDX-License-Identifier: Apache-2.0
# tests/tools/local.mk - programs that tests use, not installed

check_PROGRAMS += tests/tools/mkmodel tests/tools/cmpmodel \
	tests/tools/mkarchive
check_PROGRAMS += tests/tools/hashsum
tests_tools_mkarchive_SOURCES = %D%/mkarchive.c
tests_tools_mkmodel_SOURCES = %D%/mkmodel.c %D%/forms.def
tests_tools_cmpmodel_SOURCES = %D%/cmpmodel.c
tests_tools_cmpmodel_LDADD = libsovcore.la
check_PROGRAMS += tests/tools/leftover
tests_tools_leftover_SOURCES = %D%/leftover.c
check_PROGRAMS += tests/tools/keytool
tests_tools_keytool_SOURCES = %D%/keytool.c
tests_tools_keytool_LDADD = libsov_all.la $(deps_libs)
tests_tools_hashsum_SOURCES = %D%/hashsum.c
tests_tools_hashsum_LDADD = libsov_all.la $(deps_libs)
check_PROGRAMS += tests/tools/ranks
tests_tools_ranks_SOURCES = %D%/ranks.c
tests_tools_ranks_LDADD = libsov_all.la $(deps_libs)
EXTRA_DIST += %D%/fold-types.awk

check_PROGRAMS += tests/tools/mkclaims
tests_tools_mkclaims_SOURCES = %D%/mkclaims.c
tests_tools_mkclaims_LDADD = libsov_all.la $(deps_libs)

check_PROGRAMS += tests/tools/flip
tests_tools_flip_SOURCES = %D%/flip.c
tests_tools_flip_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/kld
tests_tools_kld_SOURCES = %D%/kld.c
tests_tools_kld_LDADD = libsovcore.la -lm

check_PROGRAMS += tests/tools/mkstats
tests_tools_mkstats_SOURCES = %D%/mkstats.c
tests_tools_mkstats_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/logitsum
tests_tools_logitsum_SOURCES = %D%/logitsum.c %D%/uselora.h
tests_tools_logitsum_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/answers
tests_tools_answers_SOURCES = %D%/answers.c %D%/uselora.h
tests_tools_answers_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/company
tests_tools_company_SOURCES = %D%/company.c
tests_tools_company_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/mklora
tests_tools_mklora_SOURCES = %D%/mklora.c
tests_tools_mklora_LDADD = libsov_all.la $(deps_libs) -lm

published = tests/tools/published.c tests/tools/published.h \
	tests/tools/tinyspm.h

check_PROGRAMS += tests/tools/mkhf
tests_tools_mkhf_SOURCES = %D%/mkhf.c $(published)
tests_tools_mkhf_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/reference
tests_tools_reference_SOURCES = %D%/reference.c %D%/plain.c %D%/plain.h \
	%D%/plain_bert.c %D%/plain_moe.c %D%/plain_nn.c
tests_tools_reference_LDADD = $(deps_libs) -lm

check_PROGRAMS += tests/tools/randtext
tests_tools_randtext_SOURCES = %D%/randtext.c
tests_tools_randtext_LDADD = libsov_all.la $(deps_libs)

check_PROGRAMS += tests/tools/pty
tests_tools_pty_SOURCES = %D%/pty.c

check_PROGRAMS += tests/tools/mkpacked
tests_tools_mkpacked_SOURCES = %D%/mkpacked.c $(published)
tests_tools_mkpacked_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/mkseeds
tests_tools_mkseeds_SOURCES = %D%/mkseeds.c
tests_tools_mkseeds_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/benchshow
tests_tools_benchshow_SOURCES = %D%/benchshow.c $(bench_out_sources)
tests_tools_benchshow_LDADD = $(tool_libs) -lm
EXTRA_DIST += %D%/csv.awk %D%/nights.awk

check_PROGRAMS += tests/tools/benchstat
tests_tools_benchstat_SOURCES = %D%/benchstat.c
tests_tools_benchstat_LDADD = libsov_all.la $(deps_libs) -lm
check_PROGRAMS += tests/tools/tasks
tests_tools_tasks_SOURCES = %D%/tasks.c
tests_tools_tasks_LDADD = libsovcore.la

check_PROGRAMS += tests/tools/trims
tests_tools_trims_SOURCES = %D%/trims.c
tests_tools_trims_LDADD = libsov_all.la $(deps_libs) -lm

check_PROGRAMS += tests/tools/turns
tests_tools_turns_SOURCES = %D%/turns.c
tests_tools_turns_LDADD = libsov_all.la $(deps_libs) -lm
