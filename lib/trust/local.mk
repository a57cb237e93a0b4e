# SPDX-License-Identifier: Apache-2.0
# lib/trust/local.mk - floor 4: keys and claims

libsov_all_la_SOURCES += \
	%D%/armor.c %D%/armor.h \
	%D%/keys.c %D%/keys.h \
	%D%/minisig.c \
	%D%/ring.c \
	%D%/secret.c \
	%D%/sign.c
