# SPDX-License-Identifier: Apache-2.0
# bench.mk - a gate for models in a Makefile
#
#     MODEL = out/model-q4_k_m.gguf
#     include bench.mk
#
#     make bench-check     measure, and fail if it is worse than the baseline
#     make bench-accept    what is measured now is the baseline from now on
#
# bench/ then has comment.md (for the pull request), report.xml (JUnit, for the
# CI system), report.html and now.jsonl.  The baseline belongs to one kind of
# machine: keep one for each, or status 69 says so.

MODEL       ?= model.gguf
BENCH_DIR   ?= bench
BASELINE    ?= $(BENCH_DIR)/baseline.jsonl
FAIL_ABOVE  ?= 3
SOV_BENCH   ?= sov-bench
BENCH_FLAGS ?=

.PHONY: bench-check bench-accept

bench-check: $(MODEL) | $(BENCH_DIR)
	$(SOV_BENCH) $(BENCH_FLAGS) --lock=wait --json \
	    --baseline $(BASELINE) --fail-above $(FAIL_ABOVE) \
	    --md $(BENCH_DIR)/comment.md --junit $(BENCH_DIR)/report.xml \
	    --html $(BENCH_DIR)/report.html $(MODEL) > $(BENCH_DIR)/now.jsonl

bench-accept: $(MODEL) | $(BENCH_DIR)
	$(SOV_BENCH) $(BENCH_FLAGS) --lock=wait --json $(MODEL) > $(BASELINE).new
	mv $(BASELINE).new $(BASELINE)

$(BENCH_DIR):
	mkdir -p $@
