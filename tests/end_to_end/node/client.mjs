// A stock Yjs client in a process of its own: `y-websocket` 3 on one document, driven by JSON lines.
//
//   node client.mjs <server url> <document> <token> [client id]
//
// A line in is a request `{id, do, …}`, a line out its answer `{id, …}` or an event `{event, …}`.

import * as readline from 'node:readline'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

// A browser's socket that is closed while it connects says so to nobody; one of Node must have somebody to say it to.
class Socket extends WebSocket {
  constructor (...parameters) {
    super(...parameters)
    this.on('error', () => {})
  }
}

const [url, name, token, client] = process.argv.slice(2)
const doc = new Y.Doc()
if (client) doc.clientID = Number(client)
const connection = new WebsocketProvider(url, name, doc, {
  WebSocketPolyfill: Socket,
  connect: false,
  disableBc: true,
  maxBackoffTime: 200,
  params: { token }
})
console.log = console.error // what libraries say is no answer
const say = line => process.stdout.write(JSON.stringify(line) + '\n')

connection.on('status', ({ status }) => say({ event: 'status', status }))
connection.on('sync', synced => say({ event: 'sync', synced }))
connection.on('connection-close', event => event && say({ event: 'closed', code: event.code, reason: event.reason }))

const requests = {
  connect: () => connection.connect(),
  disconnect: () => connection.disconnect(),
  apply: ({ update }) => Y.applyUpdate(doc, Buffer.from(update, 'base64'), 'editor'),
  insert: ({ at, text }) => doc.getText('text').insert(at, text),
  vector: () => ({ vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))) }),
  text: () => ({ text: doc.getText('text').toString() }),
  state: () => ({ update: Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64') }),
  show: ({ state }) => connection.awareness.setLocalState(state),
  seen: () => ({
    states: [...connection.awareness.getStates()].map(([id, state]) => ({ client: id, state }))
  }),
  end: () => setTimeout(() => process.exit(0), 0)
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const request = JSON.parse(line)
  say({ id: request.id, ...requests[request.do](request) })
}).on('close', () => process.exit(0))
