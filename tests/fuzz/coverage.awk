# SPDX-License-Identifier: Apache-2.0
# coverage.awk - one line of scripts/coverage, of what gcov -b -t prints
#
# f: the file; list: tests/fuzz/parsers; verbose: the lines that were not
# reached, too.  Exit status 1: fewer than 90 percent were.

BEGIN {
    FS = ":"
    while ((getline line < list) > 0) {
        if (line ~ /^ *-/) { # - FILE FUNCTION,... why
            split(line, w, " ")
            for (i = split(w[3], names, ","); i > 0; i--)
                apart[w[2] " " names[i]] = 1
        } else if (line ~ /^ *\//) { # / WORDS / why
            split(line, w, "/")
            gsub(/^ +| +$/, "", w[2])
            words[++n_words] = w[2]
        }
    }
}

# gcov prints each source that has lines in the object; ours is one of them.
$1 ~ /^ *-$/ && $2 ~ /^ *0$/ && $3 == "Source" {
    here = length($4) >= length(f) &&
           substr($4, length($4) - length(f) + 1) == f
    next
}

!here { next }

/^function / {
    split($0, w, " ")
    fn = w[2]
    next
}

$1 ~ /^ *[0-9]+\*?$/ {
    n++
    reached++
    next
}

$1 ~ /^ *(#####|=====)$/ {
    text = $0
    sub(/^[^:]*:[^:]*:/, "", text)
    for (i = 1; i <= n_words; i++)
        if (index(text, words[i]) > 0)
            break
    if (i <= n_words || (f " " fn) in apart) {
        n_apart++
        next
    }
    n++
    gsub(/ /, "", $2)
    missed[++n_missed] = sprintf("%18s%s:%d: %s", "", f, $2, text)
}

END {
    if (n == 0) {
        printf "%7s %5d %5d  %s\n", "-", 0, 0, f
        exit 1
    }
    printf "%6.1f%% %5d %5d  %s\n", 100 * reached / n, n, n_apart, f
    for (i = 1; i <= n_missed && verbose; i++)
        print missed[i]
    exit reached < 0.9 * n
}
