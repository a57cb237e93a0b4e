# SPDX-License-Identifier: Apache-2.0
# tests/unit/trust_keys.mk - unit tests of the keys in lib/trust

unit_tests += tests/unit/t_trust_keys
tests_unit_t_trust_keys_SOURCES = %D%/t_trust_keys.c %D%/trust_keys.h \
	%D%/unit.h
tests_unit_t_trust_keys_CFLAGS = $(unit_cflags)
tests_unit_t_trust_keys_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trust_sign
tests_unit_t_trust_sign_SOURCES = %D%/t_trust_sign.c %D%/trust_keys.h \
	%D%/unit.h
tests_unit_t_trust_sign_CFLAGS = $(unit_cflags)
tests_unit_t_trust_sign_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trust_audit
tests_unit_t_trust_audit_SOURCES = %D%/t_trust_audit.c %D%/trust_keys.h \
	%D%/unit.h
tests_unit_t_trust_audit_CFLAGS = $(unit_cflags)
tests_unit_t_trust_audit_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trust_ring
tests_unit_t_trust_ring_SOURCES = %D%/t_trust_ring.c %D%/trust_keys.h \
	%D%/unit.h
tests_unit_t_trust_ring_CFLAGS = $(unit_cflags)
tests_unit_t_trust_ring_LDADD = $(unit_libs)
