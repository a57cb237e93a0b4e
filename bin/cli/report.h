/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - one result, as text for people or as JSON
 *
 *     r = sov_report_new("sov.quantize/1");
 *     sov_report_text(r, "type", "type", "q4_k_m");
 *     sov_report_table(r, "tensors");
 *     sov_report_row(r);
 *     sov_report_text(r, "name", "tensor", name);
 *     sov_report_bytes(r, "bytes", "size", size);
 *     return sov_report_end(r, err);
 *
 * Every value has a key for JSON and a label for text: the word before the
 * value, or the head of its column in a table.  Without a label it is in the
 * JSON alone.  Nothing is printed before the end, and running out of memory
 * is told there, once.
 */
#ifndef SOV_CLI_REPORT_H
#define SOV_CLI_REPORT_H

#include "sov/err.h"
#include "sov/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_report;

/* schema goes first into the JSON; NULL leaves it out. */
struct sov_report *sov_report_new(const char *schema);

void sov_report_text(struct sov_report *r, const char *key, const char *label,
                     const char *value);
/* Text that may hold NUL bytes; in the JSON alone. */
void sov_report_span(struct sov_report *r, const char *key, const char *text,
                     size_t len);
void sov_report_bool(struct sov_report *r, const char *key, const char *label,
                     bool value);
/* Above 2^53 the JSON has a string. */
void sov_report_uint(struct sov_report *r, const char *key, const char *label,
                     uint64_t value);
/* As sov_report_uint; the text is "5.2 GB". */
void sov_report_bytes(struct sov_report *r, const char *key, const char *label,
                      uint64_t bytes);
/* decimals and unit (or NULL) are for the text; NaN and Inf are null. */
void sov_report_real(struct sov_report *r, const char *key, const char *label,
                     double value, int decimals, const char *unit);
/* A value that is JSON already; not in the text.  What is none is a string. */
void sov_report_json(struct sov_report *r, const char *key, const char *text,
                     size_t len);
/* A JSON array of numbers; not in the text. */
void sov_report_ids(struct sov_report *r, const char *key, const int32_t *ids,
                    size_t n);

/* The same of counts; above 2^53 strings. */
void sov_report_counts(struct sov_report *r, const char *key,
                       const uint64_t *counts, size_t n);

/* A line for people that is not in the JSON; not in a table. */
void sov_report_label(struct sov_report *r, const char *label,
                      const char *text);

/* An object: values that follow go into it, until object_end(). */
void sov_report_object(struct sov_report *r, const char *key);
void sov_report_object_end(struct sov_report *r);

/* Values that follow a row() go into it, until table_end(). */
void sov_report_table(struct sov_report *r, const char *key);
void sov_report_row(struct sov_report *r);
void sov_report_table_end(struct sov_report *r);

/* Print to standard output, as JSON if --json was given, and free r. */
int sov_report_end(struct sov_report *r, struct sov_err *err) SOV_MUST_CHECK;

/* A report that is itself the output: as JSON to sink, and free r. */
int sov_report_write(struct sov_report *r, sov_sink *sink,
                     struct sov_err *err) SOV_MUST_CHECK;
/* Likewise, as a line of text with its end; free() it. */
int sov_report_line(struct sov_report *r, char **line,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_report_free(struct sov_report *r);

#endif
