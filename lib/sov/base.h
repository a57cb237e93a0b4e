/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - what every other public header needs
 */
#ifndef SOV_BASE_H
#define SOV_BASE_H

/* The mark of a symbol that the installed library shows. */
#define SOV_API __attribute__((visibility("default")))

/* The version of the library that is running, as "0.1.0". */
SOV_API const char *sov_version(void);

#endif
