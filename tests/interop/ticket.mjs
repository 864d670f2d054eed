// A ticket as its staff reads it, in plain JavaScript: written from the text of `documents/ticket.py`, `history.py`,
// `registers.py`, `ticket_status.py`, `ticket_assignment.py` and `ticket_contents.py`, and not from their code. What an
// event knows is a set of events here, so that a mistake with places and bits would show.

const HEADS_MAX = 64
const SERVER = 'server'
const KEPT = ['id', 'by', 'device', 'at', 'after', 'message', 'auto', 'status', 'conversation', 'customer']
const BLOB = ['sha256', 'name', 'media_type', 'size', 'width', 'height', 'duration_ms']
const SOURCE = ['message', 'start', 'end']

export const byStamp = (one, other) => one.at - other.at || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)

// Only those of these fields that are there.
export const pick = (value, fields) => Object.fromEntries(fields.filter(name => value[name] !== undefined).map(name => [name, value[name]]))

// Without what is nothing: null, undefined, an empty list or an empty map.
export const present = value => Object.fromEntries(Object.entries(value).filter(([, one]) =>
  one !== undefined && one !== null && !(typeof one === 'object' && Object.keys(one).length === 0)))

export const blobOf = blob => blob && pick(blob, BLOB)

export const once = values => [...new Map(values.map(value => [value.id, value])).values()].sort(byStamp)

// --- which event knew of which ------------------------------------------------------------------------------------------

const erased = value => ({ ...pick(value, KEPT), type: 'redacted', of: value.type === 'redacted' ? value.of : value.type })

const historyOf = values => {
  const records = once(values)
  const redactions = records.filter(one => one.type === 'redaction')
  const gone = new Set(redactions.map(one => one.event))
  for (const one of redactions) gone.delete(one.id)
  const events = []
  const byId = new Map()
  for (const record of records) {
    const rest = gone.has(record.id) ? erased(record) : record
    const event = { ...rest, says: rest.type !== 'redacted', was: rest.of ?? rest.type, known: new Set() }
    event.human = (event.by !== SERVER && event.auto !== true) || event.was === 'reopened'
    // Only what stands before it is in `byId` yet.
    for (const named of (event.after ?? []).map(id => byId.get(id)).filter(Boolean)) {
      event.known.add(named)
      for (const one of named.known) event.known.add(one)
    }
    events.push(event)
    byId.set(event.id, event)
  }
  return { events, byId, said: (...types) => events.filter(one => one.says && types.includes(one.type)) }
}

const headsOf = candidates => candidates.filter(one => !candidates.some(other => other.known.has(one)))

const greatest = (candidates, ...ranks) => candidates.reduce((best, one) => {
  if (best === undefined) return one
  for (const rank of ranks) if (rank(one) !== rank(best)) return rank(one) > rank(best) ? one : best
  return byStamp(best, one) < 0 ? one : best
}, undefined)

const author = event => ({ event: event.id, by: event.by, at: event.at })

// --- registers ----------------------------------------------------------------------------------------------------------

const register = (candidates, valueOf, rank = () => 0) => {
  const heads = headsOf(candidates)
  const shown = greatest(heads, one => Number(one.human), one => rank(valueOf(one)))
  if (shown === undefined) return undefined
  const others = heads.filter(one => one !== shown).map(one => ({ ...author(one), value: valueOf(one) }))
  return {
    value: valueOf(shown),
    ...author(shown),
    ...(shown.source && { source: pick(shown.source, SOURCE) }),
    ...(shown.confidence !== undefined && { confidence: shown.confidence }),
    ...(others.length > 0 && { others })
  }
}

const URGENCY = ['low', 'normal', 'high', 'urgent']

const registersOf = (history, opened) => {
  const topics = history.said('topic')
  const subjects = [...(opened.says ? [opened] : []), ...topics.filter(one => one.subject !== undefined)]
  const fields = history.said('field')
  const names = new Set(fields.map(one => one.name))
  return {
    subject: register(subjects.sort(byStamp), one => one.subject),
    issue_type: register(topics.filter(one => one.issue_type !== undefined), one => one.issue_type),
    priority: register(history.said('priority'), one => one.priority, value => URGENCY.indexOf(value)),
    fields: Object.fromEntries([...names].map(name => [name, register(fields.filter(one => one.name === name), one => one.value)]))
  }
}

// --- status -------------------------------------------------------------------------------------------------------------

const WEAKEST_FIRST = ['new', 'accepted', 'in_progress', 'resolved', 'cancelled', 'closed', 'awaiting_internal', 'on_hold', 'awaiting_customer', 'merged']
const ENDED = new Set(['resolved', 'closed', 'cancelled', 'merged'])
const OVERRULED = { closed: 'close_overruled', cancelled: 'cancel_overruled' }
const PASSIVE = new Set(['merge', 'redaction'])

const saidStatus = event => {
  if (event.was === 'reopened') return 'in_progress'
  return event.was === 'status' || event.was === 'assignment' ? event.status : undefined
}

// How often the ticket had ended and gone on, for each event as far as its author knew.
const turnsOf = events => {
  const turns = new Map()
  for (const event of events) {
    const known = Math.max(0, ...[...event.known].map(one => turns.get(one)))
    const status = saidStatus(event)
    const changes = status !== undefined && ENDED.has(status) !== (known % 2 === 1)
    turns.set(event, changes ? known + 1 : known)
  }
  return turns
}

// Each end that somebody's doing overrules, with the first such doing.
const overruledOf = (events, candidates) => {
  const doings = events.filter(one => one.human && !PASSIVE.has(one.was) && OVERRULED[saidStatus(one)] === undefined)
  const crossing = end => doings.find(one => !one.known.has(end) && !end.known.has(one))
  const ends = candidates.filter(one => OVERRULED[saidStatus(one)] !== undefined)
  return new Map(ends.map(end => [end, crossing(end)]).filter(([, doing]) => doing !== undefined))
}

const strongest = (events, heads) => {
  const people = heads.filter(one => one.human)
  const weighed = people.length > 0 ? people : heads
  const turns = turnsOf(events)
  const active = weighed.filter(one => !ENDED.has(saidStatus(one)))
  const left = weighed.filter(one => !ENDED.has(saidStatus(one)) || !active.some(other => turns.get(other) > turns.get(one)))
  return greatest(left, one => WEAKEST_FIRST.indexOf(saidStatus(one)))
}

const flagsOf = (history, heads, overruled, shown) => heads.flatMap(head => {
  if (overruled.has(head)) return [{ kind: OVERRULED[saidStatus(head)], event: head.id, user: head.by, about: overruled.get(head).id }]
  if (head.says && head.type === 'reopened' && head.unseen) {
    const ended = history.byId.get(head.ended)
    return ended ? [{ kind: 'unseen_message', event: ended.id, user: ended.by, about: head.message }] : []
  }
  const question = shown.was !== 'merge' && saidStatus(shown) === 'awaiting_customer'
  return question && saidStatus(head) === 'resolved' ? [{ kind: 'open_question', event: head.id, user: head.by, about: shown.id }] : []
}).sort((one, other) => {
  const key = flag => `${flag.kind} ${flag.event} ${flag.about}`
  return key(one) < key(other) ? -1 : 1
})

const statusOf = (history, opened) => {
  const candidates = history.events.filter(one => saidStatus(one) !== undefined)
  const overruled = overruledOf(history.events, candidates)
  const heads = headsOf(candidates.filter(one => !overruled.has(one)))
  const takenBack = new Set(history.said('unmerge').map(one => one.merge))
  const merges = headsOf(history.said('merge')).filter(one => !takenBack.has(one.id))
  const shown = merges[0] ?? strongest(history.events, heads) ?? opened
  const unsettled = event => merges.length === 0 || !shown.known.has(event)
  const others = [...merges.slice(1), ...heads.filter(one => one !== shown && unsettled(one))].sort(byStamp)
  return {
    status: merges.length > 0 ? 'merged' : saidStatus(shown) ?? 'new',
    status_event: shown.id,
    status_by: shown.by,
    status_at: shown.at,
    status_others: others.map(one => ({ ...author(one), value: merges.includes(one) ? 'merged' : saidStatus(one) })),
    flags: flagsOf(history, headsOf(candidates).filter(unsettled), overruled, shown),
    merged_into: merges[0]?.into
  }
}

// --- assignment ---------------------------------------------------------------------------------------------------------

const assignmentOf = history => {
  const given = history.said('assignment', 'transfer')
  const causeOf = one => (one.type === 'assignment' && history.byId.get(one.cause)) || one
  const isHanded = one => causeOf(one).was === 'transfer'
  const saw = (cause, event) => cause === event || cause.known.has(event)
  const crossed = (one, other) => !saw(causeOf(one), other) && !saw(causeOf(one), causeOf(other))
  const outlasts = (other, one) => crossed(one, other) && (isHanded(other) || (causeOf(other).human && !causeOf(one).human))
  const replaces = (one, other) => one.known.has(other) && !outlasts(other, one)
  const ranked = among => among.filter(one => !among.some(other => replaces(other, one))).sort((one, other) =>
    Number(causeOf(other).human) - Number(causeOf(one).human) ||
    Number(isHanded(other)) - Number(isHanded(one)) ||
    (isHanded(one) ? byStamp(causeOf(other), causeOf(one)) : 0) ||
    byStamp(other, one))
  const [shown, ...others] = ranked(given)
  const before = shown && ranked(given.filter(one => one.group !== undefined && replaces(shown, one)))[0]
  return {
    assignment: shown?.id,
    assignee: shown?.user,
    group: shown?.group ?? before?.group,
    because: shown?.type === 'assignment' ? shown.because : undefined,
    assignment_others: others.sort(byStamp).map(one => ({ ...author(one), ...pick(one, ['group', 'user']) }))
  }
}

const watchersOf = (history, assignee) => {
  const concerned = history.said('claim', 'assignment').map(one => one.type === 'claim' ? one.by : one.user)
  return [...new Set(concerned)].filter(user => user !== undefined && user !== assignee)
}

const claimsOf = (history, assignee) => history.said('claim').map(claim => {
  if (history.said('assignment').some(one => one.cause === claim.id)) return { ...author(claim), state: 'granted', ...(assignee && { holder: assignee }) }
  const lost = history.said('claim_lost').findLast(one => one.cause === claim.id)
  return { ...author(claim), state: lost ? 'lost' : 'provisional', ...(lost?.holder && { holder: lost.holder }) }
})

// --- what adds up -------------------------------------------------------------------------------------------------------

const textOf = event => event.says ? event.text : null

const written = event => pick(event, ['id', 'by', 'at'])

const contentsOf = history => {
  const taken = new Set(history.said('unlink').map(one => one.link))
  return {
    notes: history.events.filter(one => one.was === 'note').map(one => ({ ...written(one), text: textOf(one) })),
    links: history.said('link').filter(one => !taken.has(one.id)).map(one =>
      ({ ...pick(one, ['id', 'by', 'at', 'conversation', 'message', 'ticket', 'relation']), ...(one.blob && { blob: blobOf(one.blob) }) })),
    checklist: history.events.filter(one => one.was === 'checklist_item').map(one => {
      const mark = register(history.said('checklist_mark').filter(other => other.item === one.id), other => other.done)
      return { id: one.id, by: one.by, text: textOf(one), done: mark?.value === true, ...(mark && { marked_by: mark.by }) }
    }),
    resolutions: history.said('status').filter(one => one.resolution !== undefined).map(one => ({ ...author(one), text: one.resolution }))
  }
}

const satisfactionOf = history => {
  const last = history.said('satisfaction').at(-1)
  return last && pick(last, ['score', 'at', 'text'])
}

export const reduceTicket = values => {
  const history = historyOf(values)
  const opened = history.events.find(one => one.was === 'opened')
  if (opened === undefined) return null
  const assignment = assignmentOf(history)
  return {
    ...present({
      ...pick(opened, ['conversation', 'customer', 'language', 'via']),
      opened_at: opened.at,
      opened_by: opened.by,
      number: history.said('number')[0]?.number,
      ...registersOf(history, opened),
      ...statusOf(history, opened),
      ...assignment,
      watchers: watchersOf(history, assignment.assignee),
      claims: claimsOf(history, assignment.assignee),
      ...contentsOf(history),
      satisfaction: satisfactionOf(history)
    }),
    ...(assignment.because && { because: assignment.because }),
    heads: headsOf(history.events).slice(-HEADS_MAX).map(one => one.id)
  }
}
