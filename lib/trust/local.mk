# SPDX-License-Identifier: Apache-2.0
# lib/trust/local.mk - floor 4: keys and claims

libsov_all_la_SOURCES += \
	%D%/armor.c %D%/armor.h \
	%D%/audit.c %D%/audit.h \
	%D%/audit_write.c \
	%D%/canon.c %D%/canon.h \
	%D%/claims.c %D%/claims.h \
	%D%/content.c \
	%D%/dsse.c %D%/dsse.h \
	%D%/ecdsa.h \
	%D%/eckey.c %D%/eckey.h \
	%D%/facts.c %D%/facts.def \
	%D%/form.c %D%/form.h \
	%D%/index.c %D%/index.h \
	%D%/judge.c %D%/judge.h \
	%D%/judge_line.c %D%/judge_receipt.c %D%/judge_said.c \
	%D%/keys.c %D%/keys.h \
	%D%/kinds.def \
	%D%/lineage.c \
	%D%/make.c \
	%D%/mask.c %D%/mask.h \
	%D%/minisig.c \
	%D%/oms.c %D%/oms.h %D%/oms_make.c \
	%D%/pool.c %D%/pool.h \
	%D%/policy.c %D%/policy.def %D%/policy.h \
	%D%/policy_in.h %D%/policy_read.c %D%/policy_take.c \
	%D%/ring.c %D%/ring.h \
	%D%/root.c \
	%D%/search.c \
	%D%/secret.c \
	%D%/sign.c \
	%D%/statement.c %D%/statement.h %D%/statement_kind.c \
	%D%/verify.c \
	%D%/words.c %D%/words.h

# ECDSA, for model.sig, is nettle's
if SOV_NETTLE
libsov_all_la_SOURCES += %D%/ecdsa.c
deps_libs += $(NETTLE_LIBS)
else
libsov_all_la_SOURCES += %D%/ecdsa_none.c
endif
