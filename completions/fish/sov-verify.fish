# fish completion for sov-verify; made by scripts/gen-completions.sh
# SPDX-License-Identifier: Apache-2.0
complete -c sov-verify -l keygen -r -F -d 'make a pair of keys: NAME.key, to keep, and NAME.pub, to give away'
complete -c sov-verify -l no-password -d 'the new key has no password'
complete -c sov-verify -l password-file -r -F -d 'the first line of FILE is the password of the secret key'
complete -c sov-verify -s f -l force -d 'replace an existing file; write to a terminal'
complete -c sov-verify -s j -l threads -x -d 'use N threads; results do not depend on it'
complete -c sov-verify -l json -d 'report as JSON on standard output'
complete -c sov-verify -l progress -x -a 'auto always never json' -d 'show progress: auto (on a terminal), always, never, json'
complete -c sov-verify -l no-color -d 'no bold heads in tables on a terminal'
complete -c sov-verify -s q -l quiet -d 'no warnings, no progress'
complete -c sov-verify -s v -l verbose -d 'say what is being done; twice for more'
complete -c sov-verify -s h -l help -d 'show this and stop'
complete -c sov-verify -l version -d 'show the version and stop'
