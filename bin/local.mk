# SPDX-License-Identifier: Apache-2.0
# bin/local.mk - the tools, and the frame that they share
#
# A tool links the installed library and the frame, so it cannot reach a
# private symbol.

noinst_LTLIBRARIES += bin/cli/libcli.la
bin_cli_libcli_la_SOURCES = \
	%D%/cli/adapter.c %D%/cli/adapter.h \
	%D%/cli/bundle.c %D%/cli/bundle.h \
	%D%/cli/spool.c %D%/cli/spool.h \
	%D%/cli/claims.c %D%/cli/claims.h \
	%D%/cli/common.c %D%/cli/common.h \
	%D%/cli/draw.c %D%/cli/draw.h \
	%D%/cli/early.c %D%/cli/early.h \
	%D%/cli/effort.c %D%/cli/effort.h \
	%D%/cli/emit.c %D%/cli/emit.h \
	%D%/cli/fileset.c %D%/cli/fileset.h \
	%D%/cli/generate.c %D%/cli/generate.h \
	%D%/cli/guard.c %D%/cli/guard.h \
	%D%/cli/kept.c %D%/cli/kept.h \
	%D%/cli/landlock.c %D%/cli/landlock.h \
	%D%/cli/lineage.c %D%/cli/lineage.h \
	%D%/cli/jsonw.c %D%/cli/jsonw.h \
	%D%/cli/line.c %D%/cli/line.h \
	%D%/cli/lines.c %D%/cli/lines.h \
	%D%/cli/lineage_link.c %D%/cli/lineage_link.h \
	%D%/cli/lineage_out.c \
	%D%/cli/lm.c %D%/cli/lm.h \
	%D%/cli/names.c %D%/cli/names.h \
	%D%/cli/opt.c %D%/cli/opt.h \
	%D%/cli/opt_help.c \
	%D%/cli/opt_value.c \
	%D%/cli/output.c \
	%D%/cli/params.c %D%/cli/params.h \
	%D%/cli/parts.c %D%/cli/parts.h \
	%D%/cli/markup.c %D%/cli/markup.h \
	%D%/cli/ours.c %D%/cli/ours.h \
	%D%/cli/password.c %D%/cli/password.h \
	%D%/cli/progress.c %D%/cli/progress.h \
	%D%/cli/prom.c %D%/cli/prom.h \
	%D%/cli/prompt.c %D%/cli/prompt.h \
	%D%/cli/reading.c %D%/cli/reading.h \
	%D%/cli/report.c %D%/cli/report.h \
	%D%/cli/sandbox.c %D%/cli/sandbox.h \
	%D%/cli/sandbox_test.c \
	%D%/cli/seccomp.c %D%/cli/seccomp.h \
	%D%/cli/stale.c %D%/cli/stale.h \
	%D%/cli/svg.c %D%/cli/svg.h \
	%D%/cli/svg_axis.c %D%/cli/svg_axis.h \
	%D%/cli/talk.c %D%/cli/talk.h \
	%D%/cli/target.c %D%/cli/target.h \
	%D%/cli/term.c %D%/cli/term.h \
	%D%/cli/text.c %D%/cli/text.h \
	%D%/cli/tool.c %D%/cli/tool.h \
	%D%/cli/tool_screen.c \
	%D%/cli/trust.c %D%/cli/trust.h
bin_cli_libcli_la_LIBADD = -lm
bin_cli_libcli_la_CPPFLAGS = $(AM_CPPFLAGS) -DSOV_PKGDATADIR='"$(pkgdatadir)"'

tool_libs = bin/cli/libcli.la libsovcore.la $(JANSSON_LIBS)

# what sov-bench shows, of records alone
bench_out_sources = \
	bin/bench/chart_bars.c bin/bench/chart_history.c \
	bin/bench/chart_quality.c bin/bench/chart_roof.c \
	bin/bench/charts.c bin/bench/charts.h bin/bench/glossary.def \
	bin/bench/html.h bin/bench/html_style.c bin/bench/html_table.c \
	bin/bench/out.c bin/bench/out.h \
	bin/bench/out_csv.c bin/bench/out_html.c bin/bench/out_junit.c \
	bin/bench/out_md.c bin/bench/out_prom.c bin/bench/out_svg.c \
	bin/bench/out_table.c bin/bench/outputs.def bin/bench/prom.def \
	bin/bench/view.c bin/bench/view.h bin/bench/words.c

bin_PROGRAMS += bin/sov-bench
bin_sov_bench_SOURCES = %D%/sov-bench.c \
	%D%/bench/advise.c %D%/bench/advise.def \
	%D%/bench/bench.h \
	%D%/bench/builds.c \
	%D%/bench/claim.c %D%/bench/claim.h \
	%D%/bench/claim_say.c \
	%D%/bench/judge.c \
	%D%/bench/manners.c \
	%D%/bench/model.c \
	%D%/bench/options.c \
	%D%/bench/pass.c \
	%D%/bench/price.c \
	%D%/bench/quality.c %D%/bench/quality.h \
	%D%/bench/set.c \
	%D%/bench/speed.c %D%/bench/speed.h \
	%D%/bench/speed_tell.c \
	%D%/bench/start.c \
	%D%/bench/worker.c $(bench_out_sources)
bin_sov_bench_LDADD = $(tool_libs) -lm

bin_PROGRAMS += bin/sov-distill
bin_sov_distill_SOURCES = %D%/sov-distill.c \
	%D%/distill/check.c \
	%D%/distill/claim.c \
	%D%/distill/delta.c \
	%D%/distill/distill.h \
	%D%/distill/foretell.c \
	%D%/distill/generate.c \
	%D%/distill/log.c \
	%D%/distill/merge.c \
	%D%/distill/models.c \
	%D%/distill/plot.c \
	%D%/distill/report.c
bin_sov_distill_LDADD = $(tool_libs) -lm

bin_PROGRAMS += bin/sov-prune
bin_sov_prune_SOURCES = %D%/sov-prune.c \
	%D%/prune/claim.c \
	%D%/prune/compare.c \
	%D%/prune/fit.c \
	%D%/prune/heal.c \
	%D%/prune/options.c \
	%D%/prune/pack.c \
	%D%/prune/plan.c \
	%D%/prune/prune.h \
	%D%/prune/report.c \
	%D%/prune/speed.c \
	%D%/prune/stage.c
bin_sov_prune_LDADD = $(tool_libs) -lm

bin_PROGRAMS += bin/sov-quantize
bin_sov_quantize_SOURCES = %D%/sov-quantize.c \
	%D%/quantize/allot.c \
	%D%/quantize/calib.c \
	%D%/quantize/carry.c \
	%D%/quantize/claim.c \
	%D%/quantize/edit.c \
	%D%/quantize/errors.c \
	%D%/quantize/eval.c \
	%D%/quantize/folder.c \
	%D%/quantize/lora.c \
	%D%/quantize/quantize.h \
	%D%/quantize/report.c \
	%D%/quantize/stats.c \
	%D%/quantize/types.c
bin_sov_quantize_LDADD = $(tool_libs)

bin_PROGRAMS += bin/sov-run
bin_sov_run_SOURCES = %D%/sov-run.c \
	%D%/run/account.c %D%/run/account.h \
	%D%/run/common.c \
	%D%/run/converse.c %D%/run/converse.h \
	%D%/run/dry.c \
	%D%/run/embed.c %D%/run/embed.h \
	%D%/run/embed_job.h %D%/run/embed_out.c %D%/run/embed_text.c \
	%D%/run/generate.c \
	%D%/run/jsonl.c %D%/run/jsonl.h \
	%D%/run/jsonl_ask.c %D%/run/jsonl_job.h \
	%D%/run/jsonl_resume.c %D%/run/jsonl_slot.c \
	%D%/run/keep.c %D%/run/keep.h \
	%D%/run/logits.c \
	%D%/run/many.c \
	%D%/run/metrics.c %D%/run/metrics.def %D%/run/metrics.h \
	%D%/run/options.c \
	%D%/run/prompt.c \
	%D%/run/render.c \
	%D%/run/run.h \
	%D%/run/text.c
bin_sov_run_LDADD = $(tool_libs)

bin_PROGRAMS += bin/sov-show
bin_sov_show_SOURCES = \
	%D%/sov-show.c \
	%D%/show/card.c \
	%D%/show/check.c \
	%D%/show/diff.c \
	%D%/show/facts.c \
	%D%/show/fold.c \
	%D%/show/json.c \
	%D%/show/pick.c \
	%D%/show/show.h \
	%D%/show/stats.c \
	%D%/show/table.c \
	%D%/show/value.c
bin_sov_show_LDADD = $(tool_libs)

# papers, of what is known, and what else they need
paper_sources = \
	bin/verify/common.c \
	bin/verify/paper.h \
	bin/verify/paper_annex.c bin/verify/paper_annex.h \
	bin/verify/paper_annex_iv.c bin/verify/paper_annex_xi.c \
	bin/verify/paper_card.c bin/verify/paper_cyclonedx.c \
	bin/verify/paper_facts.def bin/verify/paper_file.c \
	bin/verify/paper_gather.c \
	bin/verify/paper_lineage.c bin/verify/paper_made.c \
	bin/verify/paper_md.c \
	bin/verify/paper_picture.c bin/verify/paper_picture.h \
	bin/verify/paper_spdx.c \
	bin/verify/paper_steps.c bin/verify/paper_value.c \
	bin/verify/papers.def bin/verify/test.c

bin_PROGRAMS += bin/sov-verify
bin_sov_verify_SOURCES = %D%/sov-verify.c %D%/verify/verify.h \
	%D%/verify/audit.c %D%/verify/check.c %D%/verify/check.h \
	%D%/verify/check_tell.c \
	%D%/verify/declare.c %D%/verify/keygen.c \
	%D%/verify/oms.c \
	%D%/verify/paper.c \
	%D%/verify/recompute.c %D%/verify/recompute.h \
	%D%/verify/recompute_tell.c \
	%D%/verify/scrub.c %D%/verify/show.c \
	%D%/verify/sign.c %D%/verify/sign.h %D%/verify/sign_out.c \
	$(paper_sources)
bin_sov_verify_LDADD = $(tool_libs) -lm
