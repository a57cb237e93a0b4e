#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# audit - sov-verify --audit-log: yes, no, and which line
. "${top_srcdir:?}/tests/cli/lib.sh"

# two runs that key A of the unit tests has sealed
log=$top_srcdir/tests/fuzz/corpus/audit/whole
{
    echo 'untrusted comment: key A'
    echo RWQBAgMEBQYHCAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4
} >a.pub
expect 0 sov-verify --keygen other --no-password

expect 0 sov-verify --key a.pub --audit-log "$log"
out_has ': intact: 5 lines, 1 run'
out_has 'sealed by key a050837d85070582'
err_empty
expect 0 sov-verify --json --key a.pub --audit-log - <"$log"
out_has '"sealed_lines"'
expect 77 sov-verify --key other.pub --audit-log "$log"
err_has 'keys that nobody trusts'
err_one_line

# altered, gone, behind the seal
sed '2s/request/requesT/' "$log" >bad
expect 1 sov-verify --key a.pub --audit-log bad
err_has 'bad: line 2 '
err_one_line
sed 2d "$log" >bad
expect 1 sov-verify --key a.pub --audit-log bad
err_has 'bad: line 2 is missing'
sed '$d' "$log" >bad
expect 1 sov-verify --key a.pub --audit-log bad
err_has 'behind the last seal'
head -c 700 "$log" >bad
expect 1 sov-verify --key a.pub --audit-log bad
err_has 'is not whole'

# what is no log, and too much of it
expect 66 sov-verify --audit-log no-such-file
err_has 'no-such-file: '
err_one_line
expect 64 sov-verify --audit-log "$log" model.gguf
expect 64 sov-verify --audit-log "$log" --scrub
