#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# places - machines that tell little: no /sys, no /proc/pressure, control groups
# of version 1, 2 and none, energy counters that begin again or are forbidden
. "${top_srcdir:?}/tests/cli/lib.sh"

"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
quick="--no-start --runs 1 --prompt 0 --gen 2 -j 1 --json"

# at ROOT: a file under it with the text of standard input
at() {
    mkdir -p "$(dirname "$1")"
    cat >"$1"
}
# measure ROOT: one run there
measure() {
    # shellcheck disable=SC2086
    expect 0 sov-bench $quick --fake-root "$PWD/$1" m.gguf
    err_empty
    grep -q nan out && fail "a number that is none"
    head -n 1 out >record
    cp record out
}
id_of() {
    sed 's/.*"machine":{"id":"\([0-9a-f]*\)".*/\1/' record
}
# a processor and memory, as all that follow have them
plain() {
    printf 'processor : 0\nmodel name : Some CPU\ncpu MHz : 2000.0\n' |
        at "$1/proc/cpuinfo"
    printf 'Cpus_allowed_list:\t0-7\n' | at "$1/proc/self/status"
    printf 'MemTotal:       16000000 kB\n' | at "$1/proc/meminfo"
    printf 'cpu  10 0 10 80 0 0 0 0 0 0\n' | at "$1/proc/stat"
}

# nothing at all
mkdir nothing
measure nothing
out_has '"cpu":""'
out_has '"cpus":0,"memory":0'
out_has '"cpu_pressure":null,"memory_pressure":null,"steal":null,"throttled":null,"frequency_drift":null'

# no /sys, and no pressure
plain nosys
measure nosys
out_has '"cpu":"Some CPU"'
out_has '"cpus":8,"memory":16384000000'
out_has '"governor":""'
out_has '"cpu_pressure":null,"memory_pressure":null,"steal":'
out_has '"throttled":null'
bare=$(id_of)

# pressure that is switched off is an empty file
plain off
: | at off/proc/pressure/cpu
measure off
out_has '"cpu_pressure":null'
[ "$(id_of)" = "$bare" ] || fail "noise makes another machine"

# version 2: the tightest of our group and those above
plain v2
echo '0::/a/b' | at v2/proc/self/cgroup
echo '200000 100000' | at v2/sys/fs/cgroup/a/cpu.max
echo max | at v2/sys/fs/cgroup/a/b/memory.max
echo 1073741824 | at v2/sys/fs/cgroup/a/memory.max
printf 'nr_periods 10\nnr_throttled 0\n' | at v2/sys/fs/cgroup/a/b/cpu.stat
printf 'some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n' |
    at v2/proc/pressure/cpu
measure v2
out_has '"cpus":2,"memory":1073741824'
out_has '"cpu_pressure":0,'
[ "$(id_of)" != "$bare" ] || fail "a smaller machine is the same one"

# version 1
plain v1
printf '9:memory:/x\n5:cpu,cpuacct:/x\n' | at v1/proc/self/cgroup
echo 536870912 | at v1/sys/fs/cgroup/memory/x/memory.limit_in_bytes
echo 300000 | at v1/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us
echo 100000 | at v1/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us
measure v1
out_has '"cpus":3,"memory":536870912'

# none: the file says so
plain none
: | at none/proc/self/cgroup
measure none
out_has '"cpus":8,"memory":16384000000'
[ "$(id_of)" = "$bare" ] || fail "no groups make another machine"

# what the counter says, which somebody moves on meanwhile, and round
plain rapl
zone=rapl/sys/class/powercap/intel-rapl:0
echo package-0 | at $zone/name
echo 262143328850 >$zone/max_energy_range_uj
echo 262143328000 >$zone/energy_uj
(
    n=0
    while [ -d rapl ]; do
        n=$((n + 1000000))
        printf '%012d\n' $n 1<>$zone/energy_uj
        sleep 0.02
    done
) 2>/dev/null &
meter=$!
# shellcheck disable=SC2086
expect 0 sov-bench $quick --runs 3 --fake-root "$PWD/rapl" m.gguf
kill $meter
wait $meter 2>/dev/null || true
err_empty
sed -n 's/.*"metric":"joules_per_token".*"samples":\[\([^]]*\)\].*/\1/p' out >samples
[ -s samples ] || fail "energy was not counted"
grep -q -e - samples && fail "less than none was taken"

# forbidden
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 $zone/energy_uj
    # shellcheck disable=SC2086
    expect 0 sov-bench $quick --fake-root "$PWD/rapl" m.gguf
    grep -q joules out && fail "energy was guessed"
    # shellcheck disable=SC2086
    expect 69 sov-bench $quick --require-energy --fake-root "$PWD/rapl" m.gguf
    err_has package-0
fi
exit 0
