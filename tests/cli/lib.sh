# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# lib.sh - what the scripts of tests/cli share; sourced first:
#
#   . "${top_srcdir:?}/tests/cli/lib.sh"
#   expect 64 sov-quantize --no-such-option
#   err_has "unknown option"
#
# The script runs in a scratch folder of its own, with the built tools first
# in PATH: the programs themselves where libtool keeps them, not its wrappers,
# which are scripts, that take longer to start than most programs take to run.
# expect keeps what a command said in the files out and err there.
set -eu

: "${top_srcdir:?}" "${top_builddir:?}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sov-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch"
# scripts/check puts promtool into the build folder
PATH=$top_builddir/bin:$top_builddir/tests/cli:$PATH:$top_builddir
if [ -d "$top_builddir/bin/.libs" ]; then
    PATH=$top_builddir/bin/.libs:$top_builddir/tests/cli/.libs:$PATH
    LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
fi
export PATH
unset NO_COLOR POSIXLY_CORRECT
# what signed policies are remembered in
XDG_STATE_HOME=$scratch/.state
export XDG_STATE_HOME

fail() {
    echo "FAIL: $*"
    exit 1
}

# The built-in model.
# shellcheck disable=SC2034
tale=$top_srcdir/models/tale

# Folder with test vectors beside the source tree, or a skip.
need_shared() {
    shared=$top_srcdir/../shared
    [ -d "$shared/$1" ] || skip "no ../shared/$1 beside the source tree"
}

# The rest of the test needs something that is not here.
skip() {
    echo "SKIP: $*"
    exit 77
}

case $0 in
*/slow_*) [ -n "${SOV_SLOW:-}" ] || skip "slow; runs with SOV_SLOW=1" ;;
esac

show() {
    for _s in out err; do
        echo "--- std$_s"
        head -c 2000 "$scratch/$_s" | sed 's/^/    /'
    done
}

# expect STATUS COMMAND...: run it; 128+n is death by signal n
expect() {
    _want=$1
    shift
    _got=0
    "$@" >"$scratch/out" 2>"$scratch/err" || _got=$?
    [ "$_got" -eq "$_want" ] || {
        show
        fail "status $_got instead of $_want: $*"
    }
}

out_has() {
    grep -qF -e "$1" "$scratch/out" || {
        show
        fail "standard output lacks: $1"
    }
}

err_has() {
    grep -qF -e "$1" "$scratch/err" || {
        show
        fail "standard error lacks: $1"
    }
}

out_is() {
    printf '%s\n' "$1" | cmp -s - "$scratch/out" || {
        show
        fail "standard output is not: $1"
    }
}

out_empty() {
    [ ! -s "$scratch/out" ] || {
        show
        fail "something on standard output"
    }
}

err_empty() {
    [ ! -s "$scratch/err" ] || {
        show
        fail "something on standard error"
    }
}

# A failure is one line, with the tool's name first.
err_one_line() {
    [ "$(wc -l <"$scratch/err")" -eq 1 ] || {
        show
        fail "standard error is not one line"
    }
}

# Nothing but the named files lies in the scratch folder (out and err aside).
only_files() {
    for _f in "$scratch"/* "$scratch"/.*; do
        _name=${_f##*/}
        case " . .. out err $* " in
        *" $_name "*) continue ;;
        esac
        [ ! -e "$_f" ] || fail "left behind: $_name"
    done
}
