# SPDX-License-Identifier: Apache-2.0
# SOV_ISA(NAME, FLAGS, HEADER, BODY)
# ----------------------------------
# Can this compiler make code for one instruction set, for this host?  If so,
# the conditional SOV_ISA_NAME is true, NAME_CFLAGS holds FLAGS and config.h
# defines SOV_HAVE_NAME.  Whether the machine that runs the program has the
# instructions is asked at run time, in lib/sys/cpu.c.
AC_DEFUN([SOV_ISA], [
    AC_CACHE_CHECK([whether $CC makes $1 kernels], [sov_cv_isa_$1],
        [sov_save_CFLAGS=$CFLAGS
         CFLAGS="$CFLAGS $2"
         AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <$3>]], [[$4]])],
             [sov_cv_isa_$1=yes], [sov_cv_isa_$1=no])
         CFLAGS=$sov_save_CFLAGS])
    AM_CONDITIONAL([SOV_ISA_$1], [test "$sov_cv_isa_$1" = yes])
    AS_IF([test "$sov_cv_isa_$1" = yes], [
        AC_DEFINE([SOV_HAVE_$1], [1], [kernels for $1 are built])
        sov_isas="$sov_isas $1"])
    AC_SUBST([$1_CFLAGS], ["$2"])
])
