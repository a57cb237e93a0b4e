// SPDX-License-Identifier: Apache-2.0
// peer-tokens.mjs - the ids that stock llama.cpp has for texts
//
// usage: node peer-tokens.mjs SOV_PEER VOCABULARY TEXT_FILE...
//
// For each text one line, {"ids":[...]}, as sov-run --tokenize prints it.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [peer, modelPath, ...files] = process.argv.slice(2);
const require = createRequire(path.join(peer, "package.json"));
const entry = path.join(peer, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama, LlamaLogLevel } = await import(
    pathToFileURL(fs.existsSync(entry) ? entry : require.resolve("node-llama-cpp")));
const llama = await getLlama({
    gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.disabled,
});
const model = await llama.loadModel({ modelPath, gpuLayers: 0, vocabOnly: true });

for (const file of files) {
    const ids = model.tokenize(fs.readFileSync(file, "utf8"), false);
    process.stdout.write(JSON.stringify({ ids }) + "\n");
}
await llama.dispose();
