# SPDX-License-Identifier: Apache-2.0
# seeds.awk - the seeds of seeds.txt as files; out: the folder for them
#
#     %% words           nothing
#     %= NAME            what follows is a text to be used
#     % TARGET NAME      what follows is a seed
#     %1                 byte 1, which cuts inputs into parts
#     $(NAME)            such a text
#     %{41}              the byte of that number, in hex
#
# Lines are joined; the last one has no end.

function hex(s,    i, n) {
    n = 0
    for (i = 1; i <= length(s); i++)
        n = 16 * n + index("0123456789abcdef", substr(s, i, 1)) - 1
    return n
}

function full(s,    name) {
    while (match(s, /\$\([A-Z0-9_]+\)/)) {
        name = substr(s, RSTART + 2, RLENGTH - 3)
        if (!(name in text)) {
            print "seeds.txt: no text " name > "/dev/stderr"
            exit 1
        }
        s = substr(s, 1, RSTART - 1) text[name] substr(s, RSTART + RLENGTH)
    }
    return s
}

function bytes(s) {
    while (match(s, /%\{[0-9a-f][0-9a-f]\}/)) {
        printf "%s%c", substr(s, 1, RSTART - 1), \
            hex(substr(s, RSTART + 2, 2)) > file
        s = substr(s, RSTART + RLENGTH)
    }
    printf "%s", s > file
}

function finish() {
    if (macro != "")
        text[macro] = full(body)
    else if (file != "") {
        bytes(full(body))
        close(file)
    }
    macro = file = body = ""
    first = 1
}

BEGIN { first = 1 }

/^%%/ { next }

/^%= / {
    finish()
    macro = $2
    next
}

/^% / {
    finish()
    if (!($2 in made))
        system("mkdir -p '" out "/" $2 "'")
    made[$2] = 1
    file = out "/" $2 "/" $3
    printf "" > file
    next
}

/^%1$/ {
    body = body "%{01}"
    first = 1
    next
}

{
    body = body (first ? "" : "\n") $0
    first = 0
}

END { finish() }
