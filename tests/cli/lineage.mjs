// SPDX-License-Identifier: Apache-2.0
// lineage.mjs - does no way of these pictures run behind a box or text?
//
// usage: node lineage.mjs LEAST FILE...
//
// Each file has at least LEAST ways.  Points along each way lie in no box, no
// two boxes overlap, and names of roles lie in no box and not on one another.
// Exit status 1 if not, or if a box that is put in the way is not seen.
import fs from "node:fs";

const number = (s) => s.match(/-?\d+(\.\d+)?/g).map(Number);

function boxes(svg) {
    return [...svg.matchAll(/<rect class="box[^"]*" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)]
        .map((m) => m.slice(1).map(Number));
}

function roles(svg) {
    return [...svg.matchAll(/<text class="soft role" x="(\d+)" y="(\d+)">([^<]*)</g)]
        .map((m) => [+m[1], +m[2] - 10, 7 * m[3].length, 12]);
}

// Points of "Mx yCx y x y x y", which may end in "Vy".
function points(d) {
    const [curve, down] = d.split("V");
    const [x0, y0, x1, y1, x2, y2, x3, y3] = number(curve);
    const all = [];

    for (let i = 0; i <= 60; i++) {
        const t = i / 60, u = 1 - t;
        const at = (a, b, c, e) => u * u * u * a + 3 * u * u * t * b +
            3 * u * t * t * c + t * t * t * e;

        all.push([at(x0, x1, x2, x3), at(y0, y1, y2, y3)]);
    }
    for (let i = 0; down !== undefined && i <= 20; i++)
        all.push([x3, y3 + (Number(down) - y3) * i / 20]);
    return all;
}

const overlap = (a, b) => a[0] < b[0] + b[2] && b[0] < a[0] + a[2] &&
    a[1] < b[1] + b[3] && b[1] < a[1] + a[3];

function check(svg, least) {
    const all = boxes(svg), names = roles(svg), said = [];
    const ways = [...svg.matchAll(/<path class="way" d="([^"]*)"/g)].map((m) => m[1]);

    if (ways.length < least) said.push(`${ways.length} ways`);
    for (const d of ways)
        for (const [x, y] of points(d))
            for (const b of all)
                if (x > b[0] && x < b[0] + b[2] && y > b[1] + 0.5 &&
                    y < b[1] + b[3] - 0.5)
                    said.push(`${d} runs through the box at ${b[0]} ${b[1]}`);
    const things = [...all, ...names];
    things.forEach((a, i) => things.slice(i + 1).forEach((b) => {
        if (overlap(a, b)) said.push(`${a} lies on ${b}`);
    }));
    return [...new Set(said)];
}

const [least, ...files] = process.argv.slice(2);
let bad = files.length === 0;
for (const file of files) {
    const svg = fs.readFileSync(file, "utf8");
    const said = check(svg, +least);

    said.slice(0, 8).forEach((line) => console.log(`${file}: ${line}`));
    bad ||= said.length > 0;
    const [, x, y] = svg.match(/<path class="way" d="M(\d+) (\d+)/);
    const harm = svg.replace("<rect class=\"box", `<rect class="box" x="${x - 5}" ` +
        `y="${+y + 5}" width="10" height="30"/><rect class="box`);
    if (check(harm, +least).length === 0) {
        console.log(`${file}: a box in the way is not seen`);
        bad = true;
    }
}
process.exit(bad ? 1 : 0);
