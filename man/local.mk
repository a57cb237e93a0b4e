# SPDX-License-Identifier: Apache-2.0
# man/local.mk - the manual pages; one per tool, sov(7), sovcore(3)

dist_man_MANS += %D%/sov.7 %D%/sovcore.3
dist_man_MANS += %D%/sov-bench.1 %D%/sov-distill.1
dist_man_MANS += %D%/sov-prune.1 %D%/sov-quantize.1 %D%/sov-run.1
dist_man_MANS += %D%/sov-show.1
dist_man_MANS += %D%/sov-verify.1
dist_man_MANS += %D%/sov-claims.5
dist_man_MANS += %D%/sov.policy.5
