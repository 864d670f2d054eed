// What Yjs makes of updates: what a page's web clients will do with what the server admitted.
//
//   node apply.mjs < lines
//
// Each line is {updates: [hex], roots: {name: kind}}; the updates are applied one by one to one document. Prints a line
// for each: {vector, pending, shows: {name: text}}, or {error}.

import * as Y from 'yjs'
import { createInterface } from 'node:readline'

const show = (doc, name, kind) => {
  switch (kind) {
    case 'text': return doc.getText(name).toString()
    case 'array': return JSON.stringify(doc.getArray(name).toJSON(), (_, value) => typeof value === 'bigint' ? String(value) : value)
    case 'map': return JSON.stringify(doc.getMap(name).toJSON(), (_, value) => typeof value === 'bigint' ? String(value) : value)
    default: return doc.getXmlFragment(name).toString()
  }
}

const applied = ({ updates, roots }) => {
  const doc = new Y.Doc()
  try {
    for (const update of updates) Y.applyUpdate(doc, Buffer.from(update, 'hex'))
    const state = Y.encodeStateAsUpdate(doc)
    const copy = new Y.Doc()
    Y.applyUpdate(copy, state)
    const shows = Object.fromEntries(Object.entries(roots).map(([name, kind]) => [name, show(doc, name, kind)]))
    const again = Object.fromEntries(Object.entries(roots).map(([name, kind]) => [name, show(copy, name, kind)]))
    return {
      vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
      pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
      shows,
      same: JSON.stringify(shows) === JSON.stringify(again)
    }
  } catch (error) {
    return { error: error.stack }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line) process.stdout.write(JSON.stringify(applied(JSON.parse(line))) + '\n')
}
