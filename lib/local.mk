# SPDX-License-Identifier: Apache-2.0
# lib/local.mk - compile once, open a narrow door
#
# libsov_all.la holds everything with private symbols within reach; the unit
# tests link it.  libsovcore.la is the same objects with only the SOV_API
# symbols of lib/sov/ visible; the tools link it, and it is installed.

noinst_LTLIBRARIES += libsov_all.la
libsov_all_la_SOURCES =
libsov_all_la_LIBADD =

lib_LTLIBRARIES += libsovcore.la
libsovcore_la_SOURCES =
libsovcore_la_LIBADD = libsov_all.la $(deps_libs)
# Its threads stay until the end, so its code must: no dlclose() takes it away.
libsovcore_la_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,nodelete -no-undefined -version-info 0:0:0

sovincludedir = $(includedir)/sov
sovinclude_HEADERS =
pkgconfig_DATA = %D%/sovcore.pc
EXTRA_DIST += %D%/LAYERS %D%/sovcore.abi

include lib/sov/local.mk
include lib/base/local.mk
include lib/sys/local.mk
include lib/tensor/local.mk
include lib/fmt/local.mk
include lib/quant/local.mk
include lib/kern/local.mk
include lib/tok/local.mk
include lib/trust/local.mk
include lib/jinja/local.mk
include lib/nn/local.mk
include lib/arch/local.mk
include lib/run/local.mk
include lib/calib/local.mk
include lib/train/local.mk
include lib/compress/local.mk
include lib/measure/local.mk
include lib/prune/local.mk
include lib/distill/local.mk
include lib/bench/local.mk
include lib/prove/local.mk
