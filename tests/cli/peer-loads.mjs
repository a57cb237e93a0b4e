// SPDX-License-Identifier: Apache-2.0
// peer-loads.mjs - does stock llama.cpp load these files, and do they answer?
//
// usage: node peer-loads.mjs SOV_PEER MODEL...
//
// Each model reads a few tokens and says how likely each next one is: finite
// numbers that add up to 1.  One line for each that does not; exit status 1.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [peer, ...models] = process.argv.slice(2);
const require = createRequire(path.join(peer, "package.json"));
const entry = path.join(peer, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama, LlamaLogLevel } = await import(
    pathToFileURL(fs.existsSync(entry) ? entry : require.resolve("node-llama-cpp")));
const llama = await getLlama({
    gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error,
});

async function answer(modelPath) {
    const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
    const context = await model.createContext({
        contextSize: 64, batchSize: 64, threads: { ideal: 1, min: 1 }, flashAttention: false,
    });
    const ids = model.tokenize("Once upon a time there was", false);
    const input = [model.tokens.bos, ...ids].map((id) => [id, { generateNext: {
        probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    } }]);
    const answers = await context.getSequence().controlledEvaluate(input);
    await context.dispose();
    await model.dispose();
    for (const { next } of answers) {
        let sum = 0, n = 0;
        for (const p of next.probabilities.values()) {
            if (!Number.isFinite(p) || p < 0) return `a probability of ${p}`;
            sum += p;
            n++;
        }
        if (n === 0 || Math.abs(sum - 1) > 1e-3) return `${n} probabilities add up to ${sum}`;
    }
    return null;
}

let bad = 0;
for (const model of models) {
    let what;
    try {
        what = await answer(model);
    } catch (e) {
        what = e.message;
    }
    if (what !== null) {
        console.log(`${path.basename(model)}: ${what}`);
        bad++;
    }
}
console.log(`${models.length - bad} of ${models.length} models load and answer`);
process.exit(bad > 0 ? 1 : 0);
