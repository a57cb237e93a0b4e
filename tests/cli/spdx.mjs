// SPDX-License-Identifier: Apache-2.0
// spdx.mjs - do these documents keep the rules of SPDX 3.0.1?
//
// usage: node spdx.mjs FILE...
//
// No package of npm carries the JSON schema of SPDX 3, so its rules for the
// classes that we write are restated here, from schemas/spdx-schema-3-0-1.json
// of spdx/spdx-spec and the model behind it: members of each class, those it
// must have, lists and their least lengths, vocabularies, forms of texts, and
// that every IRI that is pointed to is there and is what it has to be.  Some
// rules are our own and narrower: no text is empty, a place to load from is a
// URI, a licence is one name.  Exit status 1 if a file breaks one, or if a
// damaged copy of it does not.
import fs from "node:fs";

const iri = /^(?!_:).+:.+/;
const uri = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
const time = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\dZ$/;
const text = (v) => typeof v === "string" && v !== "";
const list = (v) => Array.isArray(v) && v.length > 0;
const texts = (v) => list(v) && v.every(text);
const oneOf = (...set) => (v) => set.includes(v);
const someOf = (...set) => (v) => list(v) && v.every(oneOf(...set));

// Something that stands elsewhere in the graph, of one of these classes if any
// are named; an object in place, alone or in a list.
const ref = (...types) => (v) => text(v) && { refs: [v], types };
const refs = (...types) => (v) => texts(v) && { refs: v, types };
const one = (...types) => (v) => !Array.isArray(v) && { inner: [v], types };
const each = (...types) => (v) => Array.isArray(v) && { inner: v, types };

const agents = ["SoftwareAgent", "Organization"];
const element = { spdxId: (v) => iri.test(v), creationInfo: ref("CreationInfo"),
    name: text, comment: text, verifiedUsing: each("Hash") };
const artifact = { ...element, suppliedBy: ref(...agents),
    releaseTime: (v) => time.test(v) };
const software = { ...artifact,
    software_primaryPurpose: oneOf("model", "data") };
const pack = { ...software, software_packageVersion: text,
    software_downloadLocation: (v) => uri.test(v) };
const entries = each("DictionaryEntry");
const yesno = oneOf("yes", "no", "noAssertion");
const energy = each("ai_EnergyConsumptionDescription");

// class: its members, and those that must be there beside type
const classes = {
    CreationInfo: [{ "@id": (v) => /^_:.+/.test(v),
        specVersion: oneOf("3.0.1"), created: (v) => time.test(v),
        createdBy: refs(...agents), createdUsing: refs("Tool") },
    ["specVersion", "created", "createdBy"]],
    SoftwareAgent: [element, ["spdxId", "creationInfo"]],
    Organization: [element, ["spdxId", "creationInfo"]],
    Tool: [element, ["spdxId", "creationInfo"]],
    SpdxDocument: [{ ...element, rootElement: refs("ai_AIPackage"),
        profileConformance: someOf("core", "software", "ai", "dataset",
            "simpleLicensing") },
    ["spdxId", "creationInfo", "rootElement"]],
    ai_AIPackage: [{ ...pack, ai_typeOfModel: texts, ai_hyperparameter: entries,
        ai_metric: entries, ai_energyConsumption: one("ai_EnergyConsumption"),
        ai_informationAboutTraining: text, ai_informationAboutApplication: text,
        ai_limitation: text, ai_standardCompliance: texts,
        ai_modelDataPreprocessing: texts,
        ai_useSensitivePersonalInformation: yesno },
    ["spdxId", "creationInfo"]],
    dataset_DatasetPackage: [{ ...pack, dataset_datasetType: someOf("text") },
        ["spdxId", "creationInfo", "dataset_datasetType"]],
    software_File: [software, ["spdxId", "creationInfo"]],
    simplelicensing_LicenseExpression: [{ ...element,
        simplelicensing_licenseExpression: (v) => /^[A-Za-z0-9.+-]+$/.test(v) },
    ["spdxId", "creationInfo", "simplelicensing_licenseExpression"]],
    Relationship: [{ ...element, from: ref(), to: refs(),
        relationshipType: oneOf("ancestorOf", "trainedOn", "contains", "other",
            "hasDeclaredLicense") },
    ["spdxId", "creationInfo", "from", "to", "relationshipType"]],
    Annotation: [{ ...element, subject: ref(), statement: text,
        annotationType: oneOf("other", "review") },
    ["spdxId", "creationInfo", "subject", "annotationType"]],
    Hash: [{ algorithm: oneOf("sha256"), hashValue: (v) => /^[0-9a-f]{64}$/.test(v) },
        ["algorithm", "hashValue"]],
    DictionaryEntry: [{ key: text, value: text }, ["key"]],
    ai_EnergyConsumption: [{ ai_trainingEnergyConsumption: energy,
        ai_finetuningEnergyConsumption: energy }, []],
    ai_EnergyConsumptionDescription: [{
        ai_energyQuantity: (v) => /^-?\d+(\.\d*)?$/.test(v),
        ai_energyUnit: oneOf("kilowattHour", "megajoule", "other") },
    ["ai_energyQuantity", "ai_energyUnit"]],
};
const inside = ["Hash", "DictionaryEntry", "ai_EnergyConsumption",
    "ai_EnergyConsumptionDescription"];

function check(doc) {
    const said = [];
    const known = new Map();
    const used = [];

    function walk(node, where) {
        const rule = classes[node.type];

        if (!rule) return void said.push(`${where}: no class ${node.type}`);
        for (const key of rule[1])
            if (!(key in node)) said.push(`${where}: no ${key}`);
        for (const [key, value] of Object.entries(node)) {
            if (key === "type") continue;
            const good = rule[0][key] && rule[0][key](value);

            if (!good) said.push(`${where}: ${key}`);
            if (good?.refs)
                used.push(...good.refs.map((r) => [r, good.types, where]));
            for (const [i, item] of (good?.inner ?? []).entries())
                if (!good.types.includes(item.type))
                    said.push(`${where}: ${key}: ${item.type}`);
                else walk(item, `${where}/${key}/${i}`);
        }
    }

    if (doc["@context"] !== "https://spdx.org/rdf/3.0.1/spdx-context.jsonld" ||
        Object.keys(doc).join() !== "@context,@graph")
        said.push("not a document of 3.0.1");
    doc["@graph"].forEach((node, i) => {
        if (inside.includes(node.type)) said.push(`${i}: ${node.type} alone`);
        walk(node, `${i} ${node.type}`);
        const id = node.spdxId ?? node["@id"];

        if (id && known.has(id)) said.push(`${i}: a second ${id}`);
        known.set(id, node.type);
    });
    for (const [id, types, where] of used)
        if (!known.has(id)) said.push(`${where}: there is no ${id}`);
        else if (types.length > 0 && !types.includes(known.get(id)))
            said.push(`${where}: ${id} is a ${known.get(id)}`);
    const count = (type) => doc["@graph"].filter((n) => n.type === type).length;
    if (count("SpdxDocument") !== 1) said.push("not one SpdxDocument");
    if (count("CreationInfo") !== 1) said.push("not one CreationInfo");
    return said;
}

// What the AI profile wants of the model, if the document says to follow it.
function profile(doc) {
    const graph = doc["@graph"];
    const root = graph.find((n) => n.type === "SpdxDocument");
    const model = graph.find((n) => n.spdxId === root.rootElement[0]);
    const want = ["suppliedBy", "software_downloadLocation", "releaseTime",
        "software_packageVersion", "software_primaryPurpose"];

    return root.profileConformance.includes("ai")
        ? want.filter((k) => !(k in model)).map((k) => `the model has no ${k}`)
        : [];
}

let bad = 0;
const files = process.argv.slice(2);
for (const file of files) {
    const doc = JSON.parse(fs.readFileSync(file, "utf8"));
    const said = [...check(doc), ...profile(doc)];

    for (const line of said.slice(0, 8)) console.log(`${file}: ${line}`);
    const damage = [(d) => { d["@graph"][0].created = "today"; },
        (d) => { d["@graph"].pop(); d["@graph"].splice(1, 1); },
        (d) => { d["@graph"].find((n) => n.type === "ai_AIPackage").nonsense = 1; },
        (d) => { d["@graph"][0].createdBy = []; },
        (d) => { d["@graph"][0].createdBy = d["@graph"][0].createdUsing; },
        (d) => { d["@graph"].find((n) => n.type === "Annotation").subject = []; },
        (d) => { const n = d["@graph"].find((x) => x.ai_hyperparameter);
            n.ai_hyperparameter = n.ai_hyperparameter[0]; }];
    for (const [i, harm] of damage.entries()) {
        const copy = structuredClone(doc);

        harm(copy);
        if (check(copy).length === 0) said.push(`damage ${i} is not seen`);
    }
    bad += said.length > 0;
}
console.log(`${files.length} files, ${bad} not as they should be`);
process.exit(bad === 0 && files.length > 0 ? 0 : 1);
