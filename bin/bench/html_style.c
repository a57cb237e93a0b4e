/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_style.c - how the report looks: light, dark, narrow and on paper
 */
#include "bench/html.h"

#include "cli/svg.h"

static const char rules[] =
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:1064px;padding:24px 20px 48px;"
    "background:var(--sov-ground);color:var(--sov-ink);"
    "font:16px/1.5 system-ui,\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:0 0 4px;"
    "overflow-wrap:anywhere}\n"
    "h2{font-size:1.25rem;margin:44px 0 8px;padding-top:12px;"
    "border-top:1px solid var(--sov-grid)}\n"
    "h3{font-size:1rem;margin:24px 0 4px;overflow-wrap:anywhere}\n"
    "p{margin:0 0 10px;max-width:46em}\n"
    "header p{max-width:none}\n"
    ".soft,figcaption,footer,caption{color:var(--sov-soft);font-size:.9rem}\n"
    ".verdict{display:flex;gap:16px;align-items:center;margin:20px 0;"
    "padding:16px 20px;border:1px solid var(--line);border-left-width:8px;"
    "border-radius:6px}\n"
    ".verdict p{margin:0;font-size:1.15rem;overflow-wrap:anywhere}\n"
    ".verdict .mark{font-size:1.7rem;font-weight:700;color:var(--line);"
    "line-height:1}\n"
    ".good{--line:var(--sov-c2)}.bad{--line:var(--sov-c4)}"
    ".unsure{--line:var(--sov-c1)}.none{--line:var(--sov-c5)}\n"
    "td .bad,td .good,td .unsure{color:var(--line);font-weight:600}\n"
    ".scroll{overflow-x:auto;margin:8px 0}\n"
    ".scroll:focus-visible{outline:2px solid var(--sov-c0)}\n"
    "table{border-collapse:collapse;font-size:.9rem;"
    "font-variant-numeric:tabular-nums}\n"
    ".wide{width:100%}\n"
    "th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:middle;"
    "border-bottom:1px solid var(--sov-grid);white-space:nowrap}\n"
    "th{font-weight:600}\n"
    "thead th{color:var(--sov-soft);vertical-align:bottom}\n"
    "tbody th{white-space:normal;overflow-wrap:anywhere;min-width:9em;"
    "max-width:24em}\n"
    ".n{text-align:right}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,"
    "minmax(min(100%,420px),1fr));gap:28px 32px;margin:16px 0}\n"
    "figure{margin:0}\n"
    "figure .sov-chart{display:block;width:100%;max-width:640px;height:auto}\n"
    "figcaption{margin-top:4px}\n"
    "details{margin-top:4px;font-size:.9rem}\n"
    "summary{cursor:pointer;color:var(--sov-c0)}\n"
    "dl{margin:8px 0;max-width:52em}\n"
    "dt{font-weight:600;margin-top:8px}\n"
    "dd{margin:0 0 0 1.2em}\n"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:2px 20px}\n"
    ".facts dt,.facts dd{margin:0;overflow-wrap:anywhere}\n"
    "footer{margin-top:48px;padding-top:12px;"
    "border-top:1px solid var(--sov-grid)}\n"
    "@media (max-width:600px){body{padding:16px 14px 32px}"
    "h1{font-size:1.4rem}.verdict{padding:12px 14px}"
    "th,td{padding-right:10px}.facts{display:block}"
    ".facts dt{margin-top:6px}}\n"
    "@media print{body{max-width:none;padding:0;font-size:10.5pt}"
    "details,summary{display:none}figure,tr,.verdict,dl>*{"
    "break-inside:avoid}h2,h3{break-after:avoid}"
    ".scroll{overflow:visible}th,td{white-space:normal}}\n";

void
bench_html_style(FILE *f)
{
    sov_svg_style(f);
    fputs(rules, f);
}
