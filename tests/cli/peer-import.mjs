// SPDX-License-Identifier: Apache-2.0
// peer-import.mjs - what stock llama.cpp would say next
//
// usage: node peer-import.mjs SOV_PEER IDS MODEL...
//
// IDS is a list of ids between commas.  For each model a line: its name, and
// after each of the ids the most likely next one.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [peer, list, ...models] = process.argv.slice(2);
const require = createRequire(path.join(peer, "package.json"));
const entry = path.join(peer, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama, LlamaLogLevel } = await import(
    pathToFileURL(fs.existsSync(entry) ? entry : require.resolve("node-llama-cpp")));
const llama = await getLlama({
    gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.disabled,
});

for (const modelPath of models) {
    const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
    const context = await model.createContext({
        contextSize: 64, batchSize: 64, threads: { ideal: 1, min: 1 },
        flashAttention: false,
    });
    const input = list.split(",").map((id) => [Number(id), { generateNext: {
        token: true, options: { temperature: 0 },
    } }]);
    const answers = await context.getSequence().controlledEvaluate(input);

    console.log(path.basename(modelPath), ...answers.map((a) => a.next.token));
    await context.dispose();
    await model.dispose();
}
