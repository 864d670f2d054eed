// What people see of documents, in plain JavaScript: a second implementation of the reducers, written from the text of their
// modules (`syncline_protocol/documents/`) and not from their code. The tests hold both to the same vectors, and to each
// other on random records.
//
//   node reducers.mjs < lines
//
// Each line is [reducer, records]; prints for each what the records make. Records are taken to be well-formed: admission
// saw to that. What a record does not say is absent, as in the vectors.

import { createInterface } from 'node:readline'
import { blobOf, byStamp, once, pick, present, reduceTicket } from './ticket.mjs'

const byCodePoint = (one, other) => {
  const left = Array.from(one, character => character.codePointAt(0))
  const right = Array.from(other, character => character.codePointAt(0))
  const place = left.findIndex((point, index) => point !== right[index])
  return place < 0 || place >= right.length ? left.length - right.length : left[place] - right[place]
}

const sorted = map => Object.fromEntries([...map].sort(([one], [other]) => byCodePoint(one, other)))

// --- messages -----------------------------------------------------------------------------------------------------------

const BLOBS = ['image', 'voice', 'video', 'file']
const MESSAGES = ['text', 'rich_text', ...BLOBS, 'system']

const versionOf = record => present({ id: record.id, at: record.at, text: BLOBS.includes(record.type) ? record.caption : record.text, markup: record.markup })

const reactionsOf = reactions => {
  const latest = new Map(reactions.map(one => [JSON.stringify([one.emoji, one.by]), one]))
  const emoji = new Map()
  for (const one of [...latest.values()].filter(one => one.on)) emoji.set(one.emoji, [...(emoji.get(one.emoji) ?? []), one.by])
  return [...emoji].sort(([one], [other]) => byCodePoint(one, other)).map(([one, users]) => ({ emoji: one, users: users.sort(byCodePoint) }))
}

const messageOf = (record, about) => {
  const type = record.type === 'redacted' ? record.of : record.type
  const shell = { ...pick(record, ['id', 'by', 'device', 'at']), type }
  const redaction = about.find(one => one.type === 'redaction')
  if (record.type === 'redacted' || redaction) return { ...shell, redacted: true, ...(redaction && { redacted_by: redaction.by, redacted_at: redaction.at }) }
  const recall = about.find(one => one.type === 'recall')
  const answers = type === 'system' ? {} : pick(record, ['reply_to'])
  if (recall) return { ...shell, ...answers, recalled_by: recall.by, recalled_at: recall.at }
  const versions = [versionOf(record), ...about.filter(one => one.type === 'edit' && one.by === record.by).map(versionOf)]
  const reactions = reactionsOf(about.filter(one => one.type === 'reaction'))
  return {
    ...shell,
    ...answers,
    ...pick(versions.at(-1), ['text', 'markup']),
    ...(type === 'system' ? pick(record, ['event', 'data']) : pick(record, ['lang'])),
    ...(BLOBS.includes(type) && { blob: blobOf(record.blob) }),
    ...(versions.length > 1 && { versions }),
    ...(reactions.length > 0 && { reactions })
  }
}

const reduceMessages = values => {
  const records = once(values)
  const isAbout = one => ['edit', 'recall', 'reaction', 'redaction'].includes(one.type)
  const isMessage = one => MESSAGES.includes(one.type === 'redacted' ? one.of : one.type)
  return records.filter(isMessage).map(record => messageOf(record, records.filter(one => isAbout(one) && one.message === record.id)))
}

const reduceRatings = values => {
  const records = once(values)
  const gone = new Set(records.filter(one => one.type === 'redaction').map(one => one.message))
  return records.filter(one => one.type === 'satisfaction' && !gone.has(one.id)).map(one => pick(one, ['id', 'by', 'at', 'ticket', 'score', 'text']))
}

// --- a conversation's head ----------------------------------------------------------------------------------------------

const reduceConversation = values => {
  const records = once(values)
  const opened = records.find(one => one.type === 'opened')
  const changed = records.findLast(one => one.type === 'subject_changed')
  const participants = new Map()
  const tickets = new Map()
  let closed = false
  for (const one of records) {
    if (one.type === 'participant_added') {
      const since = participants.get(one.user)?.since ?? one.at
      participants.set(one.user, { role: one.role, since, ...pick(one, ['name']) })
    } else if (one.type === 'participant_removed') participants.delete(one.user)
    else if (one.type === 'ticket_linked') tickets.set(one.ticket, pick(one, ['ticket', 'number']))
    else if (one.type === 'closed' || one.type === 'reopened') closed = one.type === 'closed'
  }
  const segments = new Set(records.filter(one => one.type === 'segment_opened').map(one => one.segment))
  return present({
    ...(opened && pick(opened, ['channel', 'language', 'customer'])),
    opened_at: opened?.at,
    subject: (changed ?? opened)?.subject,
    closed: closed || undefined,
    participants: sorted(participants),
    segments: [...segments].sort((one, other) => one - other),
    tickets: [...tickets.values()]
  })
}

// --- a user's own things ------------------------------------------------------------------------------------------------

const reduceUser = rooted => {
  const records = [...rooted].sort((one, other) => byStamp(one.value, other.value))
  const of = (root, type) => records.filter(one => one.root === root && one.value.type === type).map(one => one.value)
  const read = new Map()
  for (const { conversation, up_to: upTo, message } of of('read_markers', 'read_marker')) {
    const before = read.get(conversation)
    if (!before || upTo > before.up_to || (upTo === before.up_to && message > before.message)) read.set(conversation, { up_to: upTo, message })
  }
  const drafts = new Map(of('drafts', 'draft').map(one => [one.conversation, one.text]))
  const settings = new Map(of('settings', 'setting').map(one => [one.name, one.value]))
  return present({
    read: sorted(read),
    drafts: sorted([...drafts].filter(([, text]) => text !== '')),
    settings: sorted([...settings].filter(([, value]) => value !== null))
  })
}

const draftsToErase = ({ records, erased }) => records
  .filter(({ root, value }) => root === 'drafts' && value.type === 'draft' && value.at <= (erased[value.conversation] ?? -1))
  .map(({ value }) => value.id).sort()

const countUnread = ({ messages, position, user }) => reduceMessages(messages).filter(one =>
  (!position || byStamp({ at: position.up_to, id: position.message }, one) < 0) &&
  one.by !== user && one.type !== 'system' && !one.recalled_by && !one.redacted).length

// --- a ticket as its customer reads it ----------------------------------------------------------------------------------

const reducePublic = values => {
  const steps = once(values).filter(one => one.type === 'step')
  if (steps.length === 0) return null
  const last = steps.at(-1)
  const other = steps.findLastIndex(one => one.status !== last.status)
  return {
    ...pick(last, ['number', 'status', 'labels', 'subject', 'conversation', 'responsible', 'expected_by']),
    since: steps[other + 1].at,
    timeline: steps.map(one => pick(one, ['id', 'cause', 'at', 'status', 'labels', 'responsible', 'expected_by']))
  }
}

// --- lines --------------------------------------------------------------------------------------------------------------

const REDUCERS = {
  messages: reduceMessages,
  ratings: reduceRatings,
  conversation: reduceConversation,
  user: reduceUser,
  drafts_to_erase: draftsToErase,
  unread: countUnread,
  ticket: reduceTicket,
  public: reducePublic
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') continue
  const [reducer, records] = JSON.parse(line)
  console.log(JSON.stringify(REDUCERS[reducer](records)))
}
