# SPDX-License-Identifier: Apache-2.0
# lib/sov/local.mk - the public headers, installed to $(includedir)/sov

sovinclude_HEADERS += \
	%D%/allot.h \
	%D%/archive.h \
	%D%/audit.h \
	%D%/base.h \
	%D%/bench.h \
	%D%/calib.h \
	%D%/chat.h \
	%D%/claim.h \
	%D%/desk.h \
	%D%/distill.h \
	%D%/err.h \
	%D%/export.h \
	%D%/facts.h \
	%D%/hash.h \
	%D%/index.h \
	%D%/inspect.h \
	%D%/io.h \
	%D%/key.h \
	%D%/ledger.h \
	%D%/lora.h \
	%D%/machine.h \
	%D%/measure.h \
	%D%/meta.h \
	%D%/model.h \
	%D%/oms.h \
	%D%/pace.h \
	%D%/policy.h \
	%D%/power.h \
	%D%/proof.h \
	%D%/prove.h \
	%D%/prune.h \
	%D%/quant.h \
	%D%/request.h \
	%D%/run.h \
	%D%/saved.h \
	%D%/sovcore.h \
	%D%/stats.h \
	%D%/task.h \
	%D%/tensor.h \
	%D%/token.h \
	%D%/types.def \
	%D%/write.h
