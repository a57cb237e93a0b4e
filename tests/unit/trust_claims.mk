# SPDX-License-Identifier: Apache-2.0
# tests/unit/trust_claims.mk - unit tests of the claims in lib/trust

unit_tests += tests/unit/t_trust_claims
tests_unit_t_trust_claims_SOURCES = %D%/t_trust_claims.c \
	%D%/t_trust_index.c %D%/t_trust_lines.c %D%/claim_make.c \
	%D%/claim_make.h %D%/trust_keys.h %D%/fmt_make.c %D%/fmt_make.h %D%/unit.h
tests_unit_t_trust_claims_CFLAGS = $(unit_cflags)
tests_unit_t_trust_claims_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trust_facts
tests_unit_t_trust_facts_SOURCES = %D%/t_trust_facts.c %D%/claim_make.c \
	%D%/claim_make.h %D%/trust_keys.h %D%/fmt_make.c %D%/fmt_make.h %D%/unit.h
tests_unit_t_trust_facts_CFLAGS = $(unit_cflags)
tests_unit_t_trust_facts_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trust_policy
tests_unit_t_trust_policy_SOURCES = %D%/t_trust_policy.c %D%/claim_make.c \
	%D%/claim_make.h %D%/trust_keys.h %D%/fmt_make.c %D%/fmt_make.h %D%/unit.h
tests_unit_t_trust_policy_CFLAGS = $(unit_cflags)
tests_unit_t_trust_policy_LDADD = $(unit_libs)
