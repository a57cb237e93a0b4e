# SPDX-License-Identifier: Apache-2.0
# csv.awk - is it RFC 4180?  Prints the number of records; else says what not.
#
# Lines end with CR LF, all records have as many fields as the first, quotes
# stand around fields and are doubled in them, and nowhere else.

BEGIN { RS = "\r\n" }

{
    n = 1
    quoted = closed = 0
    begin = 1
    for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        if (quoted) {
            if (c != "\"")
                continue
            if (substr($0, i + 1, 1) == "\"")
                i++
            else {
                quoted = 0
                closed = 1
            }
        } else if (c == ",") {
            n++
            closed = 0
            begin = 1
            continue
        } else if (c == "\"" && begin)
            quoted = 1
        else if (c == "\"" || closed || c == "\n" || c == "\r") {
            print "record " NR ": a stray character at " i
            bad = 1
            exit 1
        }
        begin = 0
    }
    if (quoted || (NR > 1 && n != fields)) {
        print "record " NR ": " n " fields"
        bad = 1
        exit 1
    }
    fields = n
}

END {
    if (!bad)
        print NR
}
