# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# setup.sh - packages and build for scripts/check and scripts/demo (sourced)
#
# Sets top (the source tree), build (the build folder, SOV_BUILD or ./build)
# and jobs.  What is there already is used as it is: neither root nor a
# network is needed then.

top=$(cd "$(dirname "$0")/.." && pwd)
build=${SOV_BUILD:-$top/build}
jobs=$(nproc 2>/dev/null || echo 2)
me=${0##*/}

say() {
    printf '%s: %s\n' "$me" "$*" >&2
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Debian packages whose commands or libraries are not here, one a line.
# $1 is "tests" if the tests shall run too, "build" if not.
missing_packages() {
    if [ ! -x "$top/configure" ]; then
        have autoreconf || echo autoconf
        have automake || echo automake
        have libtoolize || echo libtool
    fi
    have make || echo make
    have pkg-config || echo pkg-config
    if [ -z "${CC:-}" ] && ! have gcc && ! have cc && ! have clang; then
        echo gcc
        echo libc6-dev
    fi
    pkg-config --exists jansson 2>/dev/null || echo libjansson-dev
    pkg-config --exists libarchive 2>/dev/null || echo libarchive-dev
    pkg-config --exists libxxhash 2>/dev/null || echo libxxhash-dev
    pkg-config --exists libsodium 2>/dev/null || echo libsodium-dev
    pkg-config --exists libpcre2-8 2>/dev/null || echo libpcre2-dev
    pkg-config --exists libutf8proc 2>/dev/null || echo libutf8proc-dev
    [ "${1-}" = tests ] || return 0
    pkg-config --exists check 2>/dev/null || echo check
}

# Nice to have: without them some tests are skipped.
wanted_packages() {
    have mandoc || echo mandoc
    have shellcheck || echo shellcheck
    have zip || echo zip
    have unzip || echo unzip
    have xz || echo xz-utils
    have zstd || echo zstd
    have minisign || echo minisign
    have valgrind || echo valgrind
    have signify-openbsd || echo signify-openbsd
    have openssl || echo openssl
    have ssh-keygen || echo openssh-client
    have fsverity || echo fsverity
    pkg-config --exists hogweed 2>/dev/null || echo nettle-dev
    have xmllint || echo libxml2-utils
    have dot || echo graphviz
    have xxhsum || echo xxhash
    have ministat || echo ministat
    # training on several machines, with either MPI
    have mpicc.openmpi || echo libopenmpi-dev openmpi-bin
    have mpicc.mpich || echo libmpich-dev mpich
    # the kernels of the other kind of machine, and an emulator of it
    if [ "$(uname -m)" = x86_64 ]; then
        have aarch64-linux-gnu-gcc ||
            echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        have qemu-aarch64 || have qemu-aarch64-static || echo qemu-user
    fi
}

# install PACKAGE...: with apt-get, as root or by sudo; false if that fails
install_packages() {
    have apt-get || return 1
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        return 1
    fi
    say "installing: $*"
    export DEBIAN_FRONTEND=noninteractive
    quick='-o Acquire::Retries=1 -o Acquire::http::Timeout=20'
    # shellcheck disable=SC2086
    {
        $as_root apt-get $quick -qq update &&
            $as_root apt-get $quick -qq -y --no-install-recommends \
                install "$@"
    } >&2
}

# set_up_packages build|tests: install what is missing, or say what to install
set_up_packages() {
    need=$(missing_packages "$@")
    want=
    [ "${1-}" != tests ] || want=$(wanted_packages)
    if [ -n "$need" ]; then
        # shellcheck disable=SC2086
        install_packages $need $want ||
            say "could not install the missing packages"
        need=$(missing_packages "$@")
    elif [ -n "$want" ]; then
        # shellcheck disable=SC2086
        install_packages $want ||
            say "without $(echo $want | sed 's/ / and /') some tests are skipped"
    fi
    [ -z "$need" ] && return 0
    # shellcheck disable=SC2086
    say "please install, as root: apt-get install" $need
    exit 69
}

# Was the tree configured when Check was not there yet?
lacks_check() {
    grep -q '^S\["HAVE_CHECK_TRUE"\]="#"' "$build/config.status" 2>/dev/null
}

# set_up_build build|tests: make configure and Makefile if they are not there;
# make itself sees to it that they are new.  A tree that was configured in
# place is built there.
set_up_build() {
    [ ! -e "$top/config.status" ] || build=$top
    if [ ! -x "$top/configure" ]; then
        say "making configure"
        "$top/scripts/autogen.sh" >"$top/autogen.log" 2>&1 || {
            cat "$top/autogen.log" >&2
            say "autogen.sh failed"
            exit 70
        }
    fi
    mkdir -p "$build"
    if [ ! -e "$build/Makefile" ] || { [ "${1-}" = tests ] && lacks_check; }
    then
        say "configuring in $build"
        (cd "$build" && "$top/configure" -q --enable-silent-rules) \
            >"$build/configure.out" 2>&1 || {
            cat "$build/configure.out" >&2
            say "configure failed"
            exit 70
        }
    fi
    say "building with $jobs jobs"
    make -C "$build" -j"$jobs" >"$build/make.out" 2>&1 || {
        tail -n 50 "$build/make.out" >&2
        say "make failed; all of it in $build/make.out"
        exit 70
    }
}
