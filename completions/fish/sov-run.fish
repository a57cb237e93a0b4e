# fish completion for sov-run; made by scripts/gen-completions.sh
# SPDX-License-Identifier: Apache-2.0
complete -c sov-run -s q -l quiet -d 'no warnings, no progress'
complete -c sov-run -s v -l verbose -d 'say what is being done; twice for more'
complete -c sov-run -s h -l help -d 'show this and stop'
complete -c sov-run -l version -d 'show the version and stop'
