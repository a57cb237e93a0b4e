# SPDX-License-Identifier: Apache-2.0
# packaging/local.mk - examples of how others call the tools; not installed

EXTRA_DIST += %D%/README.md \
	%D%/cron/sov-bench.cron \
	%D%/make/bench.mk \
	%D%/prometheus/sov-bench.rules.yml \
	%D%/systemd/sov-bench@.service %D%/systemd/sov-bench@.timer
