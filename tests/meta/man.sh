#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# man - the manual pages are clean mdoc
set -eu
cd "${top_srcdir:?}/man"
command -v mandoc >/dev/null || {
    echo "SKIP: mandoc is not installed"
    exit 77
}
set -- *.[1-9]
[ -e "$1" ] || {
    echo "SKIP: no manual pages"
    exit 77
}
# A page may refer to pages of other systems that are not in our folder.
mandoc -T lint -W warning "$@"
