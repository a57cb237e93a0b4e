# SPDX-License-Identifier: Apache-2.0
# tests/bench/local.mk - programs that measure speed; make bench runs them
#
# Not part of make check: the numbers depend on the machine.

EXTRA_PROGRAMS += tests/bench/bench_codec
tests_bench_bench_codec_SOURCES = %D%/bench_codec.c
tests_bench_bench_codec_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_codec$(EXEEXT)

EXTRA_PROGRAMS += tests/bench/bench_limits tests/bench/bench_pass
tests_bench_bench_limits_SOURCES = %D%/bench_limits.c
tests_bench_bench_limits_LDADD = libsov_all.la $(deps_libs)
tests_bench_bench_pass_SOURCES = %D%/bench_pass.c %D%/bench_model.h
tests_bench_bench_pass_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_limits$(EXEEXT) tests/bench/bench_pass$(EXEEXT)

EXTRA_PROGRAMS += tests/bench/bench_batch
tests_bench_bench_batch_SOURCES = %D%/bench_batch.c %D%/bench_model.h
tests_bench_bench_batch_LDADD = libsovcore.la
CLEANFILES += tests/bench/bench_batch$(EXEEXT)

EXTRA_PROGRAMS += tests/bench/bench_attn
tests_bench_bench_attn_SOURCES = %D%/bench_attn.c
tests_bench_bench_attn_LDADD = libsov_all.la $(deps_libs) -lm
CLEANFILES += tests/bench/bench_attn$(EXEEXT)
bench-attn: tests/bench/bench_attn$(EXEEXT)
	tests/bench/bench_attn$(EXEEXT)
.PHONY: bench-attn

bench-codec: tests/bench/bench_codec$(EXEEXT)
	tests/bench/bench_codec$(EXEEXT)
.PHONY: bench-codec

# What the machine can do, and what of it the hot loops reach: under a minute.
BENCH_TYPES = q4_k q6_k q8_0 q4_0 iq4_xs iq3_s iq2_xxs bf16
bench: tests/bench/bench_limits$(EXEEXT) tests/bench/bench_kern$(EXEEXT) \
		tests/bench/bench_attn$(EXEEXT) tests/bench/bench_gemm$(EXEEXT)
	tests/bench/bench_limits$(EXEEXT)
	tests/bench/bench_kern$(EXEEXT) $(BENCH_TYPES)
	tests/bench/bench_attn$(EXEEXT)
	tests/bench/bench_gemm$(EXEEXT)
.PHONY: bench

EXTRA_DIST += %D%/quantize.sh
bench-quantize: bin/sov-quantize$(EXEEXT) tests/tools/mkmodel$(EXEEXT)
	top_builddir='$(abs_top_builddir)' MODEL='$(MODEL)' TYPES='$(TYPES)' \
	EFFORTS='$(EFFORTS)' RUNS='$(RUNS)' LLAMA_QUANTIZE='$(LLAMA_QUANTIZE)' \
	$(SHELL) $(srcdir)/tests/bench/quantize.sh
.PHONY: bench-quantize

EXTRA_PROGRAMS += tests/bench/bench_hash
tests_bench_bench_hash_SOURCES = %D%/bench_hash.c
tests_bench_bench_hash_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_hash$(EXEEXT)
EXTRA_DIST += %D%/hash.sh
bench-hash: tests/bench/bench_hash$(EXEEXT) tests/tools/hashsum$(EXEEXT)
	tests/bench/bench_hash$(EXEEXT)
	top_builddir='$(abs_top_builddir)' SIZE='$(SIZE)' RUNS='$(RUNS)' \
	$(SHELL) $(srcdir)/tests/bench/hash.sh
.PHONY: bench-hash

# scripts/bench-peer runs sov-run, bench_limits and bench_pass of this build.
bench-programs: bin/sov-run$(EXEEXT) tests/bench/bench_limits$(EXEEXT) \
		tests/bench/bench_pass$(EXEEXT)
.PHONY: bench-programs

EXTRA_PROGRAMS += tests/bench/bench_kern
tests_bench_bench_kern_SOURCES = %D%/bench_kern.c
tests_bench_bench_kern_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_kern$(EXEEXT)
bench-kern: tests/bench/bench_kern$(EXEEXT)
	tests/bench/bench_kern$(EXEEXT)
.PHONY: bench-kern

EXTRA_PROGRAMS += tests/bench/bench_feedback
tests_bench_bench_feedback_SOURCES = %D%/bench_feedback.c
tests_bench_bench_feedback_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_feedback$(EXEEXT)
bench-feedback: tests/bench/bench_feedback$(EXEEXT)
	tests/bench/bench_feedback$(EXEEXT) q4_k 2048 2048
	tests/bench/bench_feedback$(EXEEXT) iq3_s 2048 2048
.PHONY: bench-feedback

EXTRA_PROGRAMS += tests/bench/bench_gemm
tests_bench_bench_gemm_SOURCES = %D%/bench_gemm.c
tests_bench_bench_gemm_LDADD = libsov_all.la $(deps_libs) -lm
CLEANFILES += tests/bench/bench_gemm$(EXEEXT)
bench-gemm: tests/bench/bench_gemm$(EXEEXT)
	tests/bench/bench_gemm$(EXEEXT)
.PHONY: bench-gemm

EXTRA_PROGRAMS += tests/bench/bench_prim
tests_bench_bench_prim_SOURCES = %D%/bench_prim.c
tests_bench_bench_prim_LDADD = libsov_all.la $(deps_libs) -lm
CLEANFILES += tests/bench/bench_prim$(EXEEXT)
bench-prim: tests/bench/bench_prim$(EXEEXT)
	tests/bench/bench_prim$(EXEEXT)
.PHONY: bench-prim

EXTRA_PROGRAMS += tests/bench/bench_train
tests_bench_bench_train_SOURCES = %D%/bench_train.c
tests_bench_bench_train_LDADD = libsov_all.la $(deps_libs)
CLEANFILES += tests/bench/bench_train$(EXEEXT)
bench-train: tests/bench/bench_train$(EXEEXT)
	tests/bench/bench_train$(EXEEXT)
.PHONY: bench-train
