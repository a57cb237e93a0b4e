// SPDX-License-Identifier: Apache-2.0
// sigstore.mjs - do the verifiers of sigstore accept our claims?
//
// usage: node sigstore.mjs SOV_SIGSTORE KEYS CLAIMS...
//
// KEYS has lines "KEYID BASE64-OF-SPKI-DER".  Every line of every file must be
// a bundle that @sigstore/bundle takes and @sigstore/verify verifies with the
// key that its hint names, and must fail when a byte of its payload or its
// signature is another.  Exit status 1 if not.
import fs from "node:fs";
import path from "node:path";
import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";

const [folder, keyFile, ...files] = process.argv.slice(2);
// they are dependencies of sigstore, found from where it is
const top = createRequire(path.join(folder, "package.json"));
const require = createRequire(top.resolve("sigstore"));
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity } = require("@sigstore/verify");

const keys = new Map(fs.readFileSync(keyFile, "utf8").trim().split("\n")
    .map((line) => line.split(" "))
    .map(([id, der]) => [id, createPublicKey({
        key: Buffer.from(der, "base64"), format: "der", type: "spki" })]));

const verifier = new Verifier({
    certificateAuthorities: [], timestampAuthorities: [], tlogs: [],
    ctlogs: [],
    publicKey: (hint) => {
        if (!keys.has(hint)) throw new Error(`no key ${hint}`);
        return { publicKey: keys.get(hint), validFor: () => true };
    },
}, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });

function accepts(json) {
    try {
        verifier.verify(toSignedEntity(bundleFromJSON(json)));
        return true;
    } catch (error) {
        return error.message || String(error);
    }
}

function flipped(base64) {
    const bytes = Buffer.from(base64, "base64");
    bytes[bytes.length >> 1] ^= 1;
    return bytes.toString("base64");
}

let lines = 0;
let bad = 0;
for (const file of files) {
    for (const text of fs.readFileSync(file, "utf8").trimEnd().split("\n")) {
        const said = accepts(JSON.parse(text));
        const payload = JSON.parse(text);
        const sig = JSON.parse(text);
        payload.dsseEnvelope.payload = flipped(payload.dsseEnvelope.payload);
        sig.dsseEnvelope.signatures[0].sig =
            flipped(sig.dsseEnvelope.signatures[0].sig);
        lines++;
        if (said !== true) {
            console.log(`${file}, line ${lines}: ${said}`);
            bad++;
        }
        if (accepts(payload) === true || accepts(sig) === true) {
            console.log(`${file}, line ${lines}: damaged and accepted`);
            bad++;
        }
    }
}
console.log(`${lines} lines, ${bad} not as they should be`);
process.exit(bad === 0 && lines > 0 ? 0 : 1);
