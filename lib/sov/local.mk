# SPDX-License-Identifier: Apache-2.0
# lib/sov/local.mk - the public headers, installed to $(includedir)/sov

sovinclude_HEADERS += \
	%D%/base.h \
	%D%/err.h \
	%D%/io.h \
	%D%/measure.h \
	%D%/meta.h \
	%D%/model.h \
	%D%/quant.h \
	%D%/run.h \
	%D%/sovcore.h \
	%D%/tensor.h \
	%D%/token.h \
	%D%/types.def \
	%D%/write.h
