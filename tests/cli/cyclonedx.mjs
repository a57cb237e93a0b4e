// SPDX-License-Identifier: Apache-2.0
// cyclonedx.mjs - are these CycloneDX 1.6 documents?
//
// usage: node cyclonedx.mjs SOV_SCHEMAS FILE...
//
// SOV_SCHEMAS is a folder with ajv, ajv-formats and @cyclonedx/cyclonedx-library
// in node_modules; the last one brings the schema.  Exit status 1 if a file does
// not conform, or if one with a wrong member does.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(path.join(folder, "package.json"));
const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const schemas = path.join(folder,
    "node_modules/@cyclonedx/cyclonedx-library/res/schema");
const load = (name) => JSON.parse(
    fs.readFileSync(path.join(schemas, name), "utf8"));

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
// ajv-formats has none for these two
ajv.addFormat("iri-reference", true);
ajv.addFormat("idn-email", true);
for (const name of fs.readdirSync(schemas))
    if (/^(spdx|jsf|cryptography).*\.schema\.json$/.test(name))
        ajv.addSchema(load(name), `http://cyclonedx.org/schema/${name}`);
const valid = ajv.compile(load("bom-1.6.SNAPSHOT.schema.json"));

let bad = 0;
for (const file of files) {
    const bom = JSON.parse(fs.readFileSync(file, "utf8"));
    if (!valid(bom)) {
        bad++;
        for (const e of valid.errors.slice(0, 8))
            console.log(`${file}: ${e.instancePath} ${e.message}`);
    }
    bom.metadata.component.modelCard.modelParameters.nonsense = 1;
    if (valid(bom)) {
        bad++;
        console.log(`${file}: conforms with nonsense in it`);
    }
}
console.log(`${files.length} files, ${bad} not as they should be`);
process.exit(bad === 0 && files.length > 0 ? 0 : 1);
