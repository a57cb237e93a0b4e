# fish completion for sov-show; made by scripts/gen-completions.sh
# SPDX-License-Identifier: Apache-2.0
complete -c sov-show -s a -l all -d 'every tensor on a line of its own, and longer values'
complete -c sov-show -l get -x -d 'print one value of the metadata, an array one element a line'
complete -c sov-show -l json -d 'report as JSON on standard output'
complete -c sov-show -l no-color -d 'no bold heads in tables on a terminal'
complete -c sov-show -s q -l quiet -d 'no warnings, no progress'
complete -c sov-show -s v -l verbose -d 'say what is being done; twice for more'
complete -c sov-show -s h -l help -d 'show this and stop'
complete -c sov-show -l version -d 'show the version and stop'
