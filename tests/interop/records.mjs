// Records as Yjs writes them: `map.set(key, value)` on a fresh key.
//
//   node records.mjs < lines
//
// Each line is a list of [client, clock, root, key, value], of each client in the order of its clocks. Prints for each line
// the update (hex) that brings them to somebody who has everything before those clocks.

import * as Y from 'yjs'
import { createInterface } from 'node:readline'
import { hex } from './facts.mjs'

const written = records => {
  const all = new Y.Doc()
  const writers = new Map()
  for (const [client, clock] of records) {
    if (writers.has(client)) continue
    const doc = new Y.Doc()
    doc.clientID = client
    for (let before = 0; before < clock; before++) doc.getMap('before').set(`${client}:${before}`, null)
    Y.applyUpdate(all, Y.encodeStateAsUpdate(doc))
    writers.set(client, doc)
  }
  const before = Y.encodeStateVector(all)
  for (const [client, , root, key, value] of records) writers.get(client).getMap(root).set(key, value)
  for (const doc of writers.values()) Y.applyUpdate(all, Y.encodeStateAsUpdate(doc))
  return hex(Y.encodeStateAsUpdate(all, before))
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line) console.log(JSON.stringify(written(JSON.parse(line))))
}
