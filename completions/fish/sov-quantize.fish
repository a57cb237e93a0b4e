# fish completion for sov-quantize; made by scripts/gen-completions.sh
# SPDX-License-Identifier: Apache-2.0
complete -c sov-quantize -s q -l quiet -d 'no warnings, no progress'
complete -c sov-quantize -s v -l verbose -d 'say what is being done; twice for more'
complete -c sov-quantize -s h -l help -d 'show this and stop'
complete -c sov-quantize -l version -d 'show the version and stop'
