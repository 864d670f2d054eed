// The digest of records in plain JavaScript, written from the text of `syncline_protocol/documents/records.py` and not
// from its code. Reads a JSON list of [root, key, value]; writes {"canonical": […], "digests": […], "document": "…"}.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const byCodePoint = (one, other) => {
  const left = Array.from(one, (character) => character.codePointAt(0));
  const right = Array.from(other, (character) => character.codePointAt(0));
  const place = left.findIndex((point, index) => point !== right[index]);
  return place < 0 || place >= right.length ? left.length - right.length : left[place] - right[place];
};

const canonical = (v) =>
  Array.isArray(v) ? `[${v.map(canonical).join(",")}]`
  : v !== null && typeof v === "object"
    ? `{${Object.keys(v).sort(byCodePoint).map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(",")}}`
    : JSON.stringify(v);

const digest = ([root, key, value]) => createHash("sha256").update(`${root}\0${key}\0${canonical(value)}`).digest();

const littleEndian = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

const records = JSON.parse(readFileSync(0, "utf8"));
const digests = records.map(digest);
const sum = digests.reduce((total, one) => (total + littleEndian(one)) % 2n ** 256n, 0n);
const document = Buffer.from(sum.toString(16).padStart(64, "0"), "hex").reverse();

process.stdout.write(
  JSON.stringify({
    canonical: records.map(([, , value]) => canonical(value)),
    digests: digests.map((one) => one.toString("hex")),
    document: document.toString("hex"),
  }),
);
