// What Yjs itself reads in an update, as JSON. JSON has no undefined, bigint, NaN, bytes: those become {"$": kind, v}.

import * as Y from 'yjs'

export const hex = bytes => Buffer.from(bytes).toString('hex')

const tagged = value => {
  if (value === undefined) return { $: 'undefined' }
  if (typeof value === 'bigint') return { $: 'bigint', v: String(value) }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) return { $: 'number', v: Object.is(value, -0) ? '-0' : String(value) }
  if (value instanceof Uint8Array) return { $: 'bytes', v: hex(value) }
  if (Array.isArray(value)) return value.map(tagged)
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, tagged(one)]))
  return value
}

const TYPES = [Y.Array, Y.Map, Y.Text, Y.XmlElement, Y.XmlFragment, Y.XmlHook, Y.XmlText]

const contentOf = content => {
  switch (content?.constructor) {
    case Y.ContentJSON:
    case Y.ContentAny: return content.arr.map(tagged)
    case Y.ContentBinary: return tagged(content.content)
    case Y.ContentString: return content.str
    case Y.ContentEmbed: return tagged(content.embed)
    case Y.ContentFormat: return [content.key, tagged(content.value)]
    case Y.ContentType: return [TYPES.indexOf(content.type.constructor), content.type.nodeName ?? content.type.hookName ?? '']
    default: return null
  }
}

const idOf = id => id && [id.client, id.clock]

const structOf = struct => ({
  client: struct.id.client,
  clock: struct.id.clock,
  length: struct.length,
  kind: struct.content?.getRef() ?? 0,
  origin: idOf(struct.origin ?? null),
  right_origin: idOf(struct.rightOrigin ?? null),
  parent: typeof struct.parent === 'string' ? struct.parent : idOf(struct.parent ?? null),
  key: struct.parentSub ?? null,
  content: contentOf(struct.content)
})

export const factsOf = update => {
  const { structs, ds } = Y.decodeUpdate(update)
  return {
    structs: structs.map(structOf),
    deletes: Object.fromEntries(Array.from(ds.clients, ([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, clock + len])])),
    vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVectorFromUpdate(update)))
  }
}
