# SPDX-License-Identifier: Apache-2.0
# nights.awk - records of sov-bench as a machine with several models would have
#
#     awk -v nights=60 -v slow=0.05 -v from=40 -f nights.awk </dev/null
#
# nights: runs, one a day, the last on 2026-11-21; only: the last one alone;
# slow: by what share decoding of q4_k_m is slower from night `from` on;
# machine: its fingerprint; noise: pressure of the last run.  The same numbers
# come out each time.

function uniform() {
    seed = (seed * 69069 + 12345) % 4294967296
    return (seed + 0.5) / 4294967296
}

# Nearly normal, of deviation 1.
function normal(    i, sum) {
    for (i = 0; i < 12; i++)
        sum += uniform()
    return sum - 6
}

function number(v) {
    return v == "" ? "null" : sprintf("%.9g", v)
}

# Ten samples around v, with their median and what is sure of it.
function samples(v, spread,    i, k, x, line) {
    v *= 1 + run_spread[cell] * spread
    for (i = 1; i <= 10; i++) {
        x = v * (1 + 0.7 * spread * normal())
        line = line (i > 1 ? "," : "") number(x)
        for (k = i; k > 1 && s[k - 1] > x; k--)
            s[k] = s[k - 1]
        s[k] = x
    }
    return "\"samples\":[" line "],\"warmup\":2,\"stat\":{\"n\":10,\"median\":" \
        number((s[5] + s[6]) / 2) ",\"low\":" number(s[2]) ",\"high\":" \
        number(s[9]) ",\"confidence\":0.978515625,\"mad\":" \
        number(v * spread * 0.7) ",\"outliers\":0}"
}

# The same each time, known so well.
function computed(v, part,    half) {
    half = 1.96 * part * v
    return "\"samples\":[],\"warmup\":0,\"stat\":{\"n\":128,\"median\":" \
        number(v) ",\"low\":" number(v - half) ",\"high\":" number(v + half) \
        ",\"confidence\":0.95,\"mad\":null,\"outliers\":0}"
}

function day(n,    m, d) {
    # from the end, 2026-11-21, backwards
    d = 21 - (nights - n)
    m = 11
    while (d < 1) {
        m--
        d += m == 10 || m == 8 || m == 7 || m == 5 ? 31 : 30
    }
    return sprintf("2026-%02d-%02dT02:30:00Z", m, d)
}

function record(metric, unit, better, model, of, values, more) {
    if (n < nights && only)
        return
    printf "{\"schema\":\"sov.bench/1\",\"run\":\"%016x\",\"time\":\"%s\"," \
        "\"metric\":\"%s\",\"unit\":\"%s\",\"better\":\"%s\",\"model\":%s," \
        "\"machine\":%s,\"cell\":{%s},\"noise\":%s,%s%s}\n", 4096 + n, day(n),
        metric, unit, better, model, box, of, noisy, values, more
}

function rates(share, bytes, flop) {
    return ",\"bandwidth_share\":" number(bytes / 38.2e9) \
        ",\"compute_share\":" number(flop / 1.52e12) ",\"bytes_per_s\":" \
        number(bytes) ",\"flop_per_s\":" number(flop)
}

# A model of so many bytes for 1.24 billion weights.
function model(i,    name, m, size, decode, depth, prefill, line) {
    size = bytes[i]
    m = sprintf("{\"name\":\"llama-1b-%s.gguf\",\"digest\":\"%064x\"," \
        "\"arch\":\"llama\",\"type\":\"%s\",\"bytes\":%.0f," \
        "\"params\":1235814432}", type[i], i, type[i], size)
    decode = 0.82 * 38.2e9 / size
    if (type[i] == "q4_k_m" && n >= from)
        decode /= 1 + slow
    depth = 0.78 * 38.2e9 / (size + 71e6)
    prefill = speed[i]
    cell = i "p"
    record("prefill", "tok/s", "higher", m,
        "\"prompt\":512,\"batch\":1,\"threads\":2,\"kv\":\"q8\"",
        samples(prefill, 0.006), rates(0, prefill * size / 512,
        prefill * 2.1e9))
    cell = i "d"
    record("decode", "tok/s", "higher", m,
        "\"gen\":128,\"batch\":1,\"threads\":2,\"kv\":\"q8\"",
        samples(decode, 0.008), rates(0, decode * size, decode * 2.1e9))
    cell = i "e"
    record("decode", "tok/s", "higher", m,
        "\"gen\":128,\"depth\":2048,\"batch\":1,\"threads\":2,\"kv\":\"q8\"",
        samples(depth, 0.008), rates(0, depth * (size + 71e6), depth * 2.4e9))
    cell = i "f"
    record("first_token", "s", "lower", m,
        "\"prompt\":512,\"batch\":1,\"threads\":2,\"kv\":\"q8\"",
        samples(512 / prefill + 1 / decode, 0.01), "")
    cell = i "m"
    record("peak_memory", "bytes", "lower", m,
        "\"prompt\":512,\"gen\":128,\"threads\":2,\"kv\":\"q8\"",
        samples(size + 210e6, 0.0005), "")
    if (n < nights)
        return
    line = "\"text\":\"wiki.test.raw\",\"text_digest\":\"" \
        sprintf("%064x", 77) "\""
    record("perplexity", "", "lower", m, line, computed(perplexity[i], 0.006),
        "")
    if (kld[i] != "") {
        record("kld", "nats", "lower", m, line, computed(kld[i], 0.012), "")
        record("same_top", "share", "higher", m, line,
            computed(1 - 0.31 * sqrt(kld[i]), 0.001), "")
    }
}

BEGIN {
    if (nights == "")
        nights = 60
    if (machine == "")
        machine = "6f1d2c3b4a5968778695a4b3c2d1e0f0"
    if (noise == "")
        noise = 0.004
    seed = 20261121
    split("f16 q8_0 q6_k q5_k_m q4_k_m q3_k_m q2_k", type, " ")
    split("2474320128 1315807488 1016525056 906227968 802418944 685568256 " \
        "575598848", bytes, " ")
    split("118 372 301 286 318 262 255", speed, " ")
    split("9.761 9.764 9.796 9.861 10.052 10.618 13.107", perplexity, " ")
    split("0 0.00041 0.0018 0.0052 0.0193 0.0751 0.2894", kld, " ")
    kld[1] = ""
    box = "{\"id\":\"" machine "\",\"cpu\":\"AMD EPYC 9B14\",\"isa\":" \
        "\"avx512\",\"kernel\":\"Linux 6.1.0-18-amd64\",\"governor\":" \
        "\"performance\",\"microcode\":\"0xa10113e\",\"sov\":\"sov 0.1.0, " \
        "gcc 12.2.0\",\"cpus\":2,\"memory\":16777216000,\"turbo\":true," \
        "\"smt\":true,\"numa\":1,\"container\":true}"
    for (n = 1; n <= nights; n++) {
        noisy = "{\"cpu_pressure\":" number(n == nights ? noise : 0.003) \
            ",\"memory_pressure\":0,\"steal\":0.001,\"throttled\":0," \
            "\"frequency_drift\":0.012}"
        split("", run_spread)
        for (i = 1; i <= 7; i++)
            for (k = 1; k <= 5; k++)
                run_spread[i substr("pdefm", k, 1)] = normal()
        none = "{\"name\":\"\",\"digest\":\"\"}"
        cell = "r"
        record("bandwidth", "GB/s", "higher", none, "\"threads\":2",
            samples(38.2, 0.004), "")
        record("compute_int8", "TOPS", "higher", none, "\"threads\":2",
            samples(1.52, 0.004), "")
        record("compute_f32", "TFLOP/s", "higher", none, "\"threads\":2",
            samples(0.237, 0.004), "")
        for (i = 1; i <= 7; i++)
            model(i)
    }
}
