# SPDX-License-Identifier: Apache-2.0
# lib/sov/local.mk - the public headers, installed to $(includedir)/sov

sovinclude_HEADERS += \
	%D%/base.h
