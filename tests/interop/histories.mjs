// Histories as stock Yjs editors make them, for the tests of the update scanner and the content index.
//
//   node histories.mjs FIRST COUNT STEPS
//
// prints one JSON object a line, one for each seed from FIRST on. A history is random edits of several editors, of every
// shared type and content that Yjs offers but XML hooks (Yrs misreads them), with undo, concurrent edits, editors with and without garbage collection,
// and text of Chinese, emoji and joined sequences, edited at whole characters. Each line holds
//
//   updates    [{update, needs, facts}]: what each edit emitted (hex), the indices of the updates its editor had, and
//              what Yjs itself reads in it
//   diffs      [{update, facts, again}]: what editors send a server that tells its vector: in the order it takes them; `again`
//              says that it was sent before
//   states     the whole document (hex), as each editor writes it when all have everything
//   vector     client id → clock; `encoded_vector`: the same (hex); `deletes`: client id → [[start, end], ...] of all updates together
//   roots      how each root that shows something looks; `text`: what the root "text" shows

import * as Y from 'yjs'
import { factsOf, hex } from './facts.mjs'

const WORDS = [
  'hello ', 'a', 'wifi', '平板电脑', '无线网络 ', '你', '𠮷野家', '😀', '👨‍👩‍👧‍👦', '🇨🇳', '👍🏽', 'e\u0301', 'क्षि', '\u0000', '"\\', '\u{10FFFF}', '\uFFFD', 'x\n'
]
const EDITORS_MAX = 4

// Mulberry32: small, seeded, good enough to choose edits with.
const randomOf = seed => () => {
  seed = (seed + 0x6D2B79F5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

class Dice {
  constructor (seed) { this.random = randomOf(seed) }
  below (n) { return Math.floor(this.random() * n) }
  one (of) { return of[this.below(of.length)] }
  chance (p) { return this.random() < p }
  words () { return Array.from({ length: 1 + this.below(3) }, () => this.one(WORDS)).join('') }
}

const plainValue = (dice, levels = 3) => {
  const scalars = [
    null, true, false, 0, -1, 63, 64, -64, 2147483647, -2147483648, 2147483648, 4294967296, 9007199254740991, 1.5, -0.25, 1e300, 0.1, '', dice.words()
  ]
  if (levels === 0 || dice.chance(0.7)) return dice.one(scalars)
  const several = Array.from({ length: dice.below(4) }, () => plainValue(dice, levels - 1))
  return dice.chance(0.5) ? several : Object.fromEntries(several.map((value, i) => [dice.one(['k', '名字', 'n']) + i, value]))
}

const anyValue = dice => {
  const rare = [undefined, 12345678901234567890n - 2n ** 64n, -1n, NaN, Infinity, -0, new Uint8Array([1, 2, 255]), new Uint8Array(0)]
  return dice.chance(0.2) ? dice.one(rare) : plainValue(dice)
}

// --- edits ------------------------------------------------------------------------------------------------------------

// Positions in a text that do not lie within a character of two code units.
const boundaries = text => {
  const found = [0]
  let position = 0
  for (const part of text.toDelta()) {
    const units = typeof part.insert === 'string' ? Array.from(part.insert, character => character.length) : [1]
    for (const length of units) found.push(position += length)
  }
  return found
}

const mark = dice => dice.one([{ bold: true }, { bold: null }, { color: '红' }, { link: { href: 'x' } }, { color: null }])

const newType = (dice, levels) => {
  const kind = dice.below(levels > 0 ? 4 : 1)
  if (kind === 0) return new Y.Text(dice.words())
  if (kind === 1) return Y.Array.from([plainValue(dice), newType(dice, levels - 1)])
  if (kind === 2) return new Y.Map([['in', plainValue(dice)], ['type', newType(dice, levels - 1)]])
  return newElement(dice, levels - 1)
}

const newElement = (dice, levels) => {
  if (levels <= 0 || dice.chance(0.4)) return new Y.XmlText(dice.words())
  const element = new Y.XmlElement(dice.one(['paragraph', '标题', 'img']))
  element.setAttribute('level', String(dice.below(3)))
  element.insert(0, [newElement(dice, levels - 1)])
  return element
}

const editText = (dice, text) => {
  const places = boundaries(text)
  const from = dice.below(places.length)
  const to = Math.min(places.length - 1, from + 1 + dice.below(4))
  const choice = dice.below(10)
  if (choice < 4) text.insert(places[from], dice.words())
  else if (choice < 6 && from < to) text.delete(places[from], places[to] - places[from])
  else if (choice < 7) text.insert(places[from], dice.words(), mark(dice))
  else if (choice < 8 && from < to) text.format(places[from], places[to] - places[from], mark(dice))
  else if (choice < 9) text.insertEmbed(places[from], dice.chance(0.5) ? { image: plainValue(dice) } : newType(dice, 1))
  else text.setAttribute('lang', plainValue(dice, 1))
}

const editPlainText = (dice, text) => {
  const places = boundaries(text)
  const from = dice.below(places.length)
  const to = Math.min(places.length - 1, from + 1 + dice.below(3))
  if (dice.chance(0.7) || from === to) text.insert(places[from], dice.words())
  else text.delete(places[from], places[to] - places[from])
}

const editArray = (dice, array) => {
  const at = dice.below(array.length + 1)
  const choice = dice.below(10)
  if (choice < 4) array.insert(at, Array.from({ length: 1 + dice.below(3) }, () => [anyValue(dice)]).map(one => dice.chance(0.5) ? one : plainValue(dice)))
  else if (choice < 6) array.insert(at, [newType(dice, 2)])
  else if (choice < 7) array.insert(at, [new Uint8Array([dice.below(256)])])
  else if (at < array.length) array.delete(at, 1 + dice.below(Math.min(3, array.length - at)))
}

const editMap = (dice, map) => {
  const key = dice.one(['a', 'b', '键', ''])
  const choice = dice.below(10)
  if (choice < 5) map.set(key, anyValue(dice))
  else if (choice < 7) map.set(key, newType(dice, 2))
  else map.delete(key)
}

const editXml = (dice, xml) => {
  const at = dice.below(xml.length + 1)
  const choice = dice.below(10)
  if (choice < 5) xml.insert(at, [newElement(dice, 3)])
  else if (choice < 7 && at < xml.length) xml.delete(at, 1)
  else if (xml instanceof Y.XmlElement) dice.chance(0.7) ? xml.setAttribute('a', dice.words()) : xml.removeAttribute('a')
}

const editor = type => {
  if (type instanceof Y.Text) return type.doc.share.get('text') === type ? editPlainText : editText
  if (type instanceof Y.Array) return editArray
  if (type instanceof Y.Map) return editMap
  return editXml
}

// A type somewhere below `type`, or itself.
const within = (dice, type) => {
  const children = []
  if (type instanceof Y.Text) type.toDelta().forEach(part => children.push(part.insert))
  else type.forEach(child => children.push(child))
  const types = children.filter(child => child instanceof Y.AbstractType)
  return types.length > 0 && dice.chance(0.6) ? within(dice, dice.one(types)) : type
}

// --- a history --------------------------------------------------------------------------------------------------------

const ROOTS = { text: Y.Text, rich: Y.Text, list: Y.Array, map: Y.Map, xml: Y.XmlFragment }
const KINDS = { text: 'text', rich: 'text', list: 'array', map: 'map', xml: 'xml' }

// How the bytes let a root look: shared types alone may be in an array as well as in a text or an XML fragment.
const kindOf = (doc, name) => {
  const root = doc.get(name, ROOTS[name])
  if (name === 'map') return root.size > 0 ? KINDS.map : null
  const children = root instanceof Y.Text ? root.toDelta().map(part => part.insert) : root.toArray()
  if (children.length === 0) return null
  if (!children.every(child => child instanceof Y.AbstractType)) return KINDS[name]
  return children.every(child => child instanceof Y.XmlElement || child instanceof Y.XmlText) ? 'xml' : 'array'
}

class History {
  constructor (seed, steps) {
    this.dice = new Dice(seed)
    this.updates = []
    this.diffs = []
    this.server = new Y.Doc()
    const count = 1 + this.dice.below(EDITORS_MAX)
    this.editors = Array.from({ length: count }, () => this.newEditor())
    for (let step = 0; step < steps; step++) this.step()
    this.finish()
  }

  newEditor () {
    const doc = new Y.Doc({ gc: this.dice.chance(0.8) })
    doc.clientID = this.dice.chance(0.5) ? 2 ** 32 + this.dice.below(2 ** 41) : this.dice.below(2 ** 32)
    const roots = Object.entries(ROOTS).map(([name, Type]) => doc.get(name, Type))
    const editor = { doc, roots, has: [], undo: new Y.UndoManager(roots, { captureTimeout: 0 }), sent: null }
    doc.on('update', (update, origin) => {
      if (origin === 'remote') return
      this.updates.push({ update: hex(update), needs: [...editor.has], facts: factsOf(update) })
      editor.has.push(this.updates.length - 1)
    })
    return editor
  }

  step () {
    const editor = this.dice.one(this.editors)
    const choice = this.dice.below(20)
    if (choice < 3) this.exchange(editor, this.dice.one(this.editors))
    else if (choice < 5) this.send(editor)
    else if (choice < 6) editor.undo.undo()
    else if (choice < 7) editor.undo.redo()
    else editor.doc.transact(() => { for (let i = 1 + this.dice.below(3); i > 0; i--) this.edit(editor) })
  }

  edit ({ roots }) {
    const type = within(this.dice, this.dice.one(roots))
    editor(type)(this.dice, type)
  }

  // `editor` takes in everything that `other` has, as a relay would send it.
  exchange (editor, other) {
    for (const index of other.has) {
      if (editor.has.includes(index)) continue
      editor.has.push(index)
      Y.applyUpdate(editor.doc, Buffer.from(this.updates[index].update, 'hex'), 'remote')
    }
  }

  // `editor` connects: sends what the server lacks, or what it lacked when it connected last (its answer came late).
  send (editor) {
    const now = Y.encodeStateVector(this.server)
    const update = Y.encodeStateAsUpdate(editor.doc, this.dice.chance(0.3) && editor.sent ? editor.sent : now)
    editor.sent = now
    Y.applyUpdate(this.server, update)
    this.diffs.push({ update: hex(update), facts: factsOf(update), again: false })
    if (this.dice.chance(0.2)) this.diffs.push({ ...this.diffs.at(-1), again: true })
  }

  finish () {
    for (let round = 0; round < 2; round++) {
      for (const editor of this.editors) for (const other of this.editors) this.exchange(editor, other)
    }
    for (const editor of this.editors) this.send(editor)
  }

  json (seed) {
    const { doc } = this.editors[0]
    const deletes = Y.createDeleteSet()
    for (const { update } of this.updates) {
      const { ds } = Y.decodeUpdate(Buffer.from(update, 'hex'))
      ds.clients.forEach((ranges, client) => deletes.clients.set(client, [...(deletes.clients.get(client) ?? []), ...ranges]))
    }
    return JSON.stringify({
      seed,
      updates: this.updates,
      diffs: this.diffs,
      states: this.editors.map(editor => hex(Y.encodeStateAsUpdate(editor.doc))),
      vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
      encoded_vector: hex(Y.encodeStateVector(doc)),
      deletes: Object.fromEntries(Array.from(Y.mergeDeleteSets([deletes]).clients, ([client, ranges]) => [client, ranges.map(one => [one.clock, one.clock + one.len])])),
      roots: Object.fromEntries(Object.keys(ROOTS).map(name => [name, kindOf(doc, name)]).filter(([, kind]) => kind)),
      text: doc.getText('text').toString()
    })
  }
}

const [first, count, steps] = process.argv.slice(2).map(Number)
for (let seed = first; seed < first + count; seed++) console.log(new History(seed, steps).json(seed))
