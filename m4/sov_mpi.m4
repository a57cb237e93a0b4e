# SPDX-License-Identifier: Apache-2.0
# SOV_MPI
# -------
# --with-mpi: the conditional SOV_MPI is true, MPI_CFLAGS and MPI_LIBS are set,
# config.h defines SOV_HAVE_MPI, and $sov_mpi names what was found.  Programs
# are compiled by $CC, since the wrappers of MPI may know another compiler; they
# are only asked.
AC_DEFUN([SOV_MPI], [
    sov_mpi=no
    AS_CASE([$with_mpi],
        [no], [],
        [yes], [
            AS_IF([test -n "$MPI_LIBS"], [sov_mpi="$MPI_LIBS"],
                [test -n "$MPICC"], [SOV_MPI_ASK([$MPICC])],
                [PKG_CHECK_EXISTS([ompi-c])], [SOV_MPI_PKG([ompi-c])],
                [PKG_CHECK_EXISTS([mpich])], [SOV_MPI_PKG([mpich])],
                [PKG_CHECK_EXISTS([mpi-c])], [SOV_MPI_PKG([mpi-c])],
                [SOV_MPI_ASK([mpicc])])],
        [SOV_MPI_ASK([$with_mpi])])
    AS_IF([test "$with_mpi" != no], [
        sov_save_CFLAGS=$CFLAGS
        sov_save_LIBS=$LIBS
        CFLAGS="$CFLAGS $MPI_CFLAGS"
        LIBS="$MPI_LIBS $LIBS"
        AC_MSG_CHECKING([for MPI])
        AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]],
            [[return MPI_Init_thread(0, 0, MPI_THREAD_FUNNELED, 0);]])],
            [AC_MSG_RESULT([$sov_mpi])],
            [AC_MSG_RESULT([no])
             AC_MSG_ERROR([--with-mpi: no program can be made; on Debian:
apt-get install libopenmpi-dev openmpi-bin, or libmpich-dev mpich])])
        CFLAGS=$sov_save_CFLAGS
        LIBS=$sov_save_LIBS
        AC_DEFINE([SOV_HAVE_MPI], [1], [ranks are reached through MPI])])
    AM_CONDITIONAL([SOV_MPI], [test "$with_mpi" != no])
    AC_SUBST([MPI_CFLAGS])
    AC_SUBST([MPI_LIBS])
])

# SOV_MPI_PKG(NAME)
AC_DEFUN([SOV_MPI_PKG], [
    MPI_CFLAGS=$($PKG_CONFIG --cflags "$1")
    MPI_LIBS=$($PKG_CONFIG --libs "$1")
    sov_mpi="$1 $($PKG_CONFIG --modversion "$1")"])

# SOV_MPI_ASK(MPICC): -showme is Open MPI's word for it, -show is MPICH's
AC_DEFUN([SOV_MPI_ASK], [
    sov_mpi_said=$("$1" -showme 2>/dev/null || "$1" -show 2>/dev/null)
    for sov_word in $sov_mpi_said; do
        AS_CASE([$sov_word],
            [-I*|-D*], [MPI_CFLAGS="$MPI_CFLAGS $sov_word"],
            [-pthread], [MPI_CFLAGS="$MPI_CFLAGS $sov_word"
                         MPI_LIBS="$MPI_LIBS $sov_word"],
            [-L*|-l*|-Wl,*], [MPI_LIBS="$MPI_LIBS $sov_word"])
    done
    sov_mpi="$1"])
