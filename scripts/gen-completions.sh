#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gen-completions - completions for bash, zsh and fish out of --dump-options
#
# usage: gen-completions.sh FOLDER TOOL...
# Writes FOLDER/bash/NAME, FOLDER/zsh/_NAME and FOLDER/fish/NAME.fish for each
# tool.  Run it as "make completions" after an option has changed.
set -eu

[ $# -ge 2 ] || {
    echo "usage: gen-completions.sh FOLDER TOOL..." >&2
    exit 64
}
out=$1
shift
mkdir -p "$out/bash" "$out/zsh" "$out/fish"

# Rows come in as: letter TAB name TAB argument TAB default TAB help TAB values
bash_file() {
    awk -F'\t' -v tool="$1" '
    function both(s) { return ($1 != "" ? "-" $1 " | " : "") "--" $2 }
    {
        all = all " --" $2 ($1 != "" ? " -" $1 : "")
        if ($3 == "")
            next
        if ($6 == "@file")
            files = files (files == "" ? "" : " | ") both()
        else if ($6 != "") {
            gsub(/\|/, " ", $6)
            cases = cases "    " both() ")\n        words=\"" $6 "\"\n        ;;\n"
        } else
            mute = mute (mute == "" ? "" : " | ") both()
    }
    END {
        fn = tool
        gsub(/-/, "_", fn)
        print "# bash completion for " tool "; made by scripts/gen-completions.sh"
        print "# SPDX-License-Identifier: Apache-2.0"
        print "# shellcheck shell=bash disable=SC2207\n"
        print "_" fn "()\n{"
        print "    local cur=${COMP_WORDS[COMP_CWORD]}"
        print "    local prev=${COMP_WORDS[COMP_CWORD - 1]}"
        print "    local words=\n"
        print "    if [[ $prev == \"=\" ]]; then"
        print "        prev=${COMP_WORDS[COMP_CWORD - 2]}"
        print "    elif [[ $cur == \"=\" ]]; then"
        print "        cur="
        print "    fi"
        print "    case $prev in"
        printf "%s", cases
        if (files != "")
            print "    " files ")\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n        return\n        ;;"
        if (mute != "")
            print "    " mute ")\n        COMPREPLY=()\n        return\n        ;;"
        print "    esac"
        print "    if [[ -z $words && $cur == -* ]]; then"
        print "        words=\"" substr(all, 2) "\""
        print "    fi"
        print "    if [[ -n $words ]]; then"
        print "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))"
        print "    else"
        print "        COMPREPLY=($(compgen -f -- \"$cur\"))"
        print "    fi\n}\n"
        print "complete -o filenames -F _" fn " " tool
    }'
}

zsh_file() {
    awk -F'\t' -v tool="$1" '
    BEGIN {
        print "#compdef " tool
        print "# SPDX-License-Identifier: Apache-2.0"
        print "# made by scripts/gen-completions.sh\n"
        print "_arguments -s -S \\"
    }
    {
        help = $5
        gsub(/\[|\]|:|\\/, "\\\\&", help)
        gsub(/:/, "\\:", $3)
        gsub(/\047/, "\047\\\047\047", help)
        action = ""
        if ($6 == "@file")
            action = ":" $3 ":_files"
        else if ($6 != "") {
            gsub(/\|/, " ", $6)
            action = ":" $2 ":(" $6 ")"
        } else if ($3 != "")
            action = ":" $3 ": "
        eq = $3 != "" ? "=" : ""
        if ($1 != "")
            print "    \047(-" $1 " --" $2 ")\047{-" $1 ($3 != "" ? "+" : "") ",--" $2 eq "}\047[" help "]" action "\047 \\"
        else
            print "    \047--" $2 eq "[" help "]" action "\047 \\"
    }
    END { print "    \047*:file:_files\047" }'
}

fish_file() {
    awk -F'\t' -v tool="$1" '
    BEGIN {
        print "# fish completion for " tool "; made by scripts/gen-completions.sh"
        print "# SPDX-License-Identifier: Apache-2.0"
    }
    {
        help = $5
        gsub(/\\|\047/, "\\\\&", help)
        how = ""
        if ($6 == "@file")
            how = " -r -F"
        else if ($6 != "") {
            gsub(/\|/, " ", $6)
            how = " -x -a \047" $6 "\047"
        } else if ($3 != "")
            how = " -x"
        print "complete -c " tool ($1 != "" ? " -s " $1 : "") " -l " $2 how " -d \047" help "\047"
    }'
}

for tool; do
    name=${tool##*/}
    rows=$("$tool" --dump-options)
    printf '%s\n' "$rows" | bash_file "$name" >"$out/bash/$name"
    printf '%s\n' "$rows" | zsh_file "$name" >"$out/zsh/_$name"
    printf '%s\n' "$rows" | fish_file "$name" >"$out/fish/$name.fish"
done
