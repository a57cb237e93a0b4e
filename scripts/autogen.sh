#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# autogen - make configure and Makefile.in out of a fresh checkout
set -eu
cd "$(dirname "$0")/.."

for tool in autoreconf automake libtoolize pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "autogen: $tool is missing; on Debian:" \
            "apt-get install autoconf automake libtool pkg-config" >&2
        exit 1
    }
done
exec autoreconf --install --warnings=all,no-obsolete "$@"
