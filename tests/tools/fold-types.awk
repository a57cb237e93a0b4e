# SPDX-License-Identifier: Apache-2.0
# fold-types.awk - "name type" lines, folded by layer
#
#     blk.0.attn_v.weight q6_k        blk.N.attn_v.weight q6_k 0-1,3
#     blk.1.attn_v.weight q6_k   ->   output.weight q6_k -
#     ...
#
# Layers come in rising order.  The output is sorted by whoever wants it so.
{
    name = $1
    layer = "-"
    if (match(name, /blk\.[0-9]+\./)) {
        layer = substr(name, RSTART + 4, RLENGTH - 5) + 0
        name = substr(name, 1, RSTART + 3) "N." substr(name, RSTART + RLENGTH)
    }
    k = name " " $2
    if (layer == "-")
        list[k] = "-"
    else
        seen[k, layer] = 1
    if (layer != "-" && layer > top)
        top = layer
    keys[k] = 1
}
END {
    for (k in keys) {
        s = list[k]
        for (i = 0; i <= top && s != "-"; i++) {
            if (!((k, i) in seen))
                continue
            for (j = i; ((k, j + 1) in seen); j++)
                ;
            s = s (s == "" ? "" : ",") (i == j ? i : i "-" j)
            i = j
        }
        print k, s
    }
}
