/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.c - the text that a model gets of messages: --render
 */
#include "run/run.h"

#include "cli/emit.h"
#include "cli/report.h"
#include "cli/tool.h"

/* The messages as text; lm is NULL where there is no model. */
static int
render_messages(struct run *r, const struct sov_lm *lm, struct sov_err *err)
{
    int rc = sov_talk_open(&run_options.talk, lm, err);

    return rc == 0 ? sov_talk_render(&run_options.talk, &r->rendered, err) : rc;
}

/* What the template makes of the messages; a model is needed for its own
 * template and the names of its tokens alone. */
int
run_render(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    bool model = r->lm.path != NULL;
    int rc = model ? run_open_model(r, SOV_ACCESS_STREAM, err) : 0;

    if (rc == 0)
        rc = sov_emit_open(&out, sov_common.json,
                           model ? r->lm.inputs : (const char **)r->files,
                           model ? r->lm.n_inputs : r->n_files, err);
    if (rc == 0 && model)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = render_messages(r, model ? &r->lm : NULL, err);
    if (rc == 0 && sov_common.json) {
        report = sov_report_new(NULL);
        sov_report_span(report, "text", r->rendered.p, r->rendered.len);
        rc = run_put_report(&out, report, err);
    } else if (rc == 0) {
        rc = sov_emit_text(&out,
                           (struct sov_span){ (unsigned char *)r->rendered.p,
                                              r->rendered.len },
                           err);
        if (rc == 0)
            rc = sov_emit_close(&out, err);
    }
    sov_emit_free(&out);
    return rc;
}
