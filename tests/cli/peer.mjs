// SPDX-License-Identifier: Apache-2.0
// peer.mjs - does sov-run say of a GGUF file what stock llama.cpp says of it?
//
// usage: node peer.mjs SOV_PEER MODEL TEXT_FILE SCRATCH
//
// For five prompts (PEER_PROMPTS) the peer continues greedily by 64 tokens
// (PEER_LENGTH).  These are fed to sov-run, and each position is judged alone:
// our best token is the peer's, or the peer's two best are within 0.05 nats.
// Then the perplexity of the text, which may differ by 0.3 %.  Both keep keys and
// values as halves.  Prints one line; exit status 1 if it differs.
//
// The peer rounds activations to 8 bits.  We round the same numbers in the same
// way, but one that lies between two steps falls to the other side when sums
// were added in another order, and from there on the two are apart: of 5760
// positions of 18 files four were wrong by the rule above, and six with
// --precise, which rounds nothing.  So two positions of a quantized file may be
// wrong, by at most 0.15 nats; of f16 and bf16 files none.
import fs from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [peer, modelPath, textFile, scratch] = process.argv.slice(2);
const require = createRequire(path.join(peer, "package.json"));
const entry = path.join(peer, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama, LlamaLogLevel } = await import(
    pathToFileURL(fs.existsSync(entry) ? entry : require.resolve("node-llama-cpp")));

// The first lines of the text, whatever they are: nobody chose them.
const prompts = fs.readFileSync(textFile, "utf8").split("\n")
    .filter((line) => line.length > 20)
    .slice(0, Number(process.env.PEER_PROMPTS ?? 5));
const length = Number(process.env.PEER_LENGTH ?? 64);
const near = 0.05;
const noise = /16\.gguf$/.test(modelPath) ? 0 : 0.15;
const noisyMax = 2;
const tolerance = 0.003;

const llama = await getLlama({
    gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const metadata = model.fileInfo.metadata;
const vocab = metadata.tokenizer.ggml.tokens.length;
const trained = Number(metadata[metadata.general.architecture].context_length);
const bos = model.tokens.shouldPrependBosToken ? [model.tokens.bos] : [];
const open = (contextSize) => model.createContext({
    contextSize, batchSize: Math.min(512, contextSize), threads: { ideal: 1, min: 1 },
    flashAttention: false,
});

async function generate(ids) {
    const context = await open(ids.length + length + 8);
    const out = [];
    for await (const id of context.getSequence().evaluate(ids,
        { temperature: 0, yieldEogToken: true })) {
        out.push(id);
        if (out.length >= length) break;
    }
    await context.dispose();
    return out;
}

// probabilities[i], for i of at least from: a Map of the next token after ids[0..i]
async function distributions(ids, from) {
    const context = await open(ids.length + 8);
    const input = ids.map((id, i) => i < from ? id : [id, { generateNext: {
        probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    } }]);
    const answers = await context.getSequence().controlledEvaluate(input);
    await context.dispose();
    return answers.map((a) => a?.next.probabilities);
}

function sovRun(...args) {
    const r = spawnSync("sov-run", ["-q", "-m", modelPath, "--kv", "f16", ...args],
        { encoding: "utf8", maxBuffer: 1 << 26 });
    if (r.status !== 0) {
        console.log(`sov-run ${args.join(" ")}: status ${r.status}: ${r.stderr}`);
        process.exit(1);
    }
    return r.stdout;
}

function ourLogits(ids) {
    fs.writeFileSync(path.join(scratch, "ids.json"), JSON.stringify(ids));
    const out = path.join(scratch, "logits");
    fs.rmSync(out, { force: true });
    sovRun("--input-ids", path.join(scratch, "ids.json"), "--logits", out);
    const bytes = fs.readFileSync(out);
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    if (all.length !== ids.length * vocab)
        throw new Error(`${all.length} logits instead of ${ids.length * vocab}`);
    return (i) => all.subarray(i * vocab, (i + 1) * vocab);
}

// The two most probable, with their probabilities.
function bestTwo(probabilities) {
    let first = [-1, -1], second = [-1, -1];
    for (const entry of probabilities) {
        if (entry[1] > first[1]) [first, second] = [entry, first];
        else if (entry[1] > second[1]) second = entry;
    }
    return [first, second];
}

let judged = 0, ties = 0, noisy = 0, wrong = 0;
for (const prompt of prompts) {
    const head = [...bos, ...model.tokenize(prompt, false)];
    const out = await generate(head);
    const ids = [...head, ...out].slice(0, head.length + out.length - 1);
    const row = ourLogits(ids);
    const theirs = await distributions(ids, head.length - 1);
    for (let k = 0; k < out.length; k++) {
        const at = head.length - 1 + k;
        const ours = row(at);
        let best = 0;
        for (let i = 1; i < vocab; i++)
            if (ours[i] > ours[best]) best = i;
        const [first, second] = bestTwo(theirs[at]);
        judged++;
        if (best === first[0]) continue;
        const gap = Math.log(first[1]) - Math.log(second[1]);
        if (gap <= near) ties++;
        else if (gap <= noise) noisy++;
        else wrong++;
    }
}

const text = fs.readFileSync(textFile, "utf8");
const ctx = Math.min(512, trained);
const ids = model.tokenize(text, false);
let sum = 0, n = 0;
for (let at = 0; at + ctx <= ids.length; at += ctx) {
    const window = ids.slice(at, at + ctx);
    if (bos.length) window[0] = bos[0];
    const p = await distributions(window.slice(0, -1), ctx / 2 - 1);
    for (let i = ctx / 2 - 1; i + 1 < ctx; i++) {
        sum -= Math.log(Math.max(p[i].get(window[i + 1]) ?? 0, 1e-30));
        n++;
    }
}
const theirPpl = Math.exp(sum / n);
const our = JSON.parse(sovRun("--perplexity", textFile));
const off = our.ppl / theirPpl - 1;

console.log(`${path.basename(modelPath)}: ${judged} positions, ${ties} near ties, ` +
    `${noisy} noisy, ${wrong} wrong; perplexity ${our.ppl.toFixed(4)}, peer ${theirPpl.toFixed(4)} ` +
    `(${(100 * off).toFixed(3)} %, ${our.tokens} and ${n} tokens)`);
process.exit(wrong > 0 || noisy > noisyMax || !(Math.abs(off) <= tolerance) ? 1 : 0);
