/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha_lanes.h - SHA-256 of many leaves in step, a leaf in each lane of a vector
 *
 * A template: whoever includes it defines before
 *
 *   LANES          how many
 *   vec            LANES words of 32 bits
 *   add(a, b)  set1(word)  xor3(a, b, c)  choose(e, f, g)  majority(a, b, c)
 *   ROR(v, n)  SHR(v, n)
 *   take_block(p, w)   words 0 to 15 of the block at p[lane] of each lane
 *   put(p, v)          LANES words to memory
 *
 * and gets leaves().  For CPUs without instructions for SHA-256; their streams
 * take the generic way.
 */

/* A register more or less: what is left takes the plain way. */
#define WORTH_IT 3

/* In round i the letter a stands for s[-i & 7], b for the next one, ... */
#define S(letter, i) s[((letter) - (i)) & 7]

#define ROUND(i, word)                                                        \
    do {                                                                      \
        vec a = S(0, i);                                                      \
        vec e = S(4, i);                                                      \
        vec t = add(add(S(7, i), xor3(ROR(e, 6), ROR(e, 11), ROR(e, 25))),    \
                    add(choose(e, S(5, i), S(6, i)),                          \
                        add(set1(sov_sha_k[at + (i)]), (word))));             \
                                                                              \
        S(3, i) = add(S(3, i), t);                                            \
        S(7, i) = add(add(t, xor3(ROR(a, 2), ROR(a, 13), ROR(a, 22))),        \
                      majority(a, S(1, i), S(2, i)));                         \
    } while (0)

#define ROUNDS_8(i, WORD)                                                     \
    ROUND((i), WORD((i)));                                                    \
    ROUND((i) + 1, WORD((i) + 1));                                            \
    ROUND((i) + 2, WORD((i) + 2));                                            \
    ROUND((i) + 3, WORD((i) + 3));                                            \
    ROUND((i) + 4, WORD((i) + 4));                                            \
    ROUND((i) + 5, WORD((i) + 5));                                            \
    ROUND((i) + 6, WORD((i) + 6));                                            \
    ROUND((i) + 7, WORD((i) + 7))

#define FIRST(i) w[i]
#define LATER(i) schedule(w, i)

/* Word i + 16 of the message schedule takes the place of word i. */
static inline vec
schedule(vec w[16], unsigned i)
{
    vec a = w[(i + 1) & 15];
    vec b = w[(i + 14) & 15];

    w[i & 15] = add(add(w[i & 15], xor3(ROR(a, 7), ROR(a, 18), SHR(a, 3))),
                    add(w[(i + 9) & 15],
                        xor3(ROR(b, 17), ROR(b, 19), SHR(b, 10))));
    return w[i & 15];
}

static void
lanes_block(vec h[8], vec w[16])
{
    unsigned at = 0;
    vec s[8];

    memcpy(s, h, sizeof(s));
    ROUNDS_8(0, FIRST);
    ROUNDS_8(8, FIRST);
    for (at = 16; at < 64; at += 16) {
        ROUNDS_8(0, LATER);
        ROUNDS_8(8, LATER);
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] = add(h[i], s[i]);
}

/* The first n of LANES leaves; the other lanes do the first one again. */
static void
lanes_leaves(const unsigned char *p, size_t n, unsigned char *out)
{
    const unsigned char *in[LANES];
    uint32_t word[8][LANES];
    vec h[8];
    vec w[16];

    for (unsigned i = 0; i < 8; i++)
        h[i] = set1(sov_sha_init[i]);
    for (size_t i = 0; i < SOV_LEAF_SIZE / 64; i++) {
        for (size_t lane = 0; lane < LANES; lane++)
            in[lane] = p + (lane < n ? lane : 0) * SOV_LEAF_SIZE + 64 * i;
        take_block(in, w);
        lanes_block(h, w);
    }
    for (size_t lane = 0; lane < LANES; lane++)
        in[lane] = sov_sha_leaf_pad;
    take_block(in, w);
    lanes_block(h, w);
    for (unsigned i = 0; i < 8; i++)
        put(word[i], h[i]);
    for (size_t lane = 0; lane < n; lane++) {
        for (unsigned i = 0; i < 8; i++) {
            uint32_t v = __builtin_bswap32(word[i][lane]);

            memcpy(out + lane * SOV_SHA256_LEN + 4 * i, &v, 4);
        }
    }
}

static void
leaves(const unsigned char *p, size_t n, unsigned char *out)
{
    while (n >= WORTH_IT) {
        size_t take = n < LANES ? n : LANES;

        lanes_leaves(p, take, out);
        p += take * SOV_LEAF_SIZE;
        out += take * SOV_SHA256_LEN;
        n -= take;
    }
    sov_sha_generic_leaves(p, n, out);
}
