"""One connection's session, seen from the device: what to send, by what is known.

On the device's way: `outbox → sender → SESSION → connection → transport`. What comes back is taken in by `answers.py`.
No socket and no clock in here: frames and times are arguments. Whatever happens (a frame, an edit, time) only changes
state; then `decide` looks at the state and says what to send.

Invariants, in the order in which `decide` sees to them:

1. Nothing but one `Hello` is sent before `Welcome`, nothing at all after the session has ended.
2. Every wanted document (followed, or with waiting edits) is open or asked for, in batches; no other stays open. What
   is kept all the same is opened once and brought up to date: something of it may have been erased. What the
   connection has no channel for waits, edits first, until another document is closed: one that nobody uses is.
3. A document that was refused or taken away is asked for again only when that may help, and not at once.
4. While a new client id is asked for, nothing is written.
5. Edits go out only when their document is caught up to the head it was opened at: by then the device knows which of
   its own are in the log already.
6. At most `updates_in_flight_max` updates wait for their answers.
7. A digest is sent when a document has everything and nothing of it waits, once for each state, and not more often than
   every `DIGEST_INTERVAL_S`.
8. An own presence is renewed before it ends.
"""

import heapq
from collections.abc import Iterator
from functools import partial
from typing import Final

from syncline_protocol import frames
from syncline_protocol.frames import Frame
from syncline_protocol.limits import CHANNELS_MAX, OPEN_DOCUMENTS_MAX, PROTOCOL_VERSION, UPDATES_IN_FLIGHT_MAX
from syncline_protocol.session import State
from syncline_protocol.update import RecordStruct, encode_records

from syncline_client.errors import ContentBroken
from syncline_client.local_document import LocalDocument
from syncline_client.presence import RENEWAL_S, PresenceBoard
from syncline_client.replica import Replica, decode_json, logger
from syncline_client.store import Row
from syncline_client.subscription import NOT_COMPARED, Phase, Subscription

DIGEST_INTERVAL_S: Final = 30.0
"""Between two digests of one document: with 50 devices on it, less than two a second at the server."""

UNUSED_WAIT_S: Final = 1.0
"""Before it is looked again for documents that nobody uses, when there were too few: it looks at all that are open."""

NEVER: Final = float("inf")


class Session:
    """See the module's text. One for each connection. Times are seconds of a monotonic clock."""

    def __init__(self, replica: Replica, presence: PresenceBoard) -> None:
        self.replica = replica
        self.presence = presence
        self.state = State.GREETING
        self.welcome: frames.Welcome | None = None
        self.token_expires_ms = 0
        self.is_renewing = False
        """Whether a newer token was shown and not answered."""
        self.retry_after_ms = 0
        """When the server said to come back, 0 if it did not."""
        self.subscriptions: dict[str, Subscription] = {}
        self.by_channel: dict[int, Subscription] = {}
        self.in_flight: dict[int, Subscription] = {}
        """Where each update that was not answered belongs."""
        self.opening: dict[int, list[str]] = {}
        """The names in each `Open` that was not answered."""
        self.unopened: dict[str, None] = {}
        """What is to be opened: after a decision, what waits for a channel, because as many documents are open as the
        connection holds."""
        self.to_send: list[Frame] = []
        """What answers have already decided to send."""
        self.lease_wanted = False
        self.lease_asked = False
        self._unlooked: list[str] = []
        """What is kept and not wanted, and is still to be opened once on this connection."""
        self._looking: set[str] = set()
        """What of it is being brought up to date: a batch at a time, because a connection holds so many and no more."""
        self._touched: dict[str, None] = {}
        self._alarms: list[tuple[float, str]] = []
        self._alarms_set: set[tuple[float, str]] = set()
        self._next_id = 1
        self._channels_max = CHANNELS_MAX
        self._look_for_unused_s = 0.0
        self._in_flight_max = UPDATES_IN_FLIGHT_MAX
        self._open_max = OPEN_DOCUMENTS_MAX

    # --- what happens

    def hello(self, token: str, agent: str) -> Frame:
        """The first frame."""
        identity = self.replica.identity
        return frames.Hello(PROTOCOL_VERSION, token, identity.device, identity.client, agent)

    def welcomed(self, welcome: frames.Welcome) -> None:
        """The session stands: look at every document."""
        self.welcome = welcome
        self.token_expires_ms = welcome.token_expires_ms
        self._in_flight_max = welcome.limits.updates_in_flight_max
        self._open_max = welcome.limits.open_documents_max
        documents = self.replica.documents
        self._unlooked = [one.name for one in documents.values() if one.epoch and not self.replica.is_wanted(one.name)]
        for name in [*self.replica.outbox.waiting_documents(), *documents, *self.presence.own_documents()]:
            self.touch(name)

    def touch(self, name: str) -> None:
        """Something about the document has changed: look at it at the next decision."""
        self._touched[name] = None

    def edited(self, name: str) -> None:
        """The program has followed, unfollowed or edited the document: one that was refused is asked for once more."""
        subscription = self.subscriptions.get(name)
        if subscription is not None and subscription.phase is Phase.CLOSED:
            subscription.ask_again(0.0)
        self.touch(name)

    def crowded(self, subscription: Subscription, again_s: float) -> None:
        """The server opens no more documents than are open now: this one waits, at least until `again_s`."""
        self._channels_max = max(1, len(self.by_channel))
        subscription.ask_again(again_s)

    def compare(self, name: str) -> None:
        """Compare the document's digest as soon as it can be, whenever that was done last."""
        subscription = self._subscription(name)
        subscription.digest_equal_at = NOT_COMPARED
        subscription.digest_after_s = 0.0
        self.touch(name)

    def renew(self, token: str) -> None:
        """Show the server a newer token."""
        self.is_renewing = True
        self.to_send.append(frames.Renew(token))

    def alarm(self, name: str, at_s: float) -> None:
        """Look at the document again at `at_s`; said with every update that comes until then, it is set once."""
        if (at_s, name) not in self._alarms_set:
            self._alarms_set.add((at_s, name))
            heapq.heappush(self._alarms, (at_s, name))

    # --- what is known

    def wake_at_s(self) -> float:
        """When `decide` is to be asked again although nothing happens."""
        return self._alarms[0][0] if self._alarms else NEVER

    def document(self, name: str) -> LocalDocument:
        """The replica's entry of a document."""
        return self.replica.document(name)

    def is_settled(self) -> bool:
        """Whether every wanted document has all there is, and nothing waits to be accepted."""
        if self.state is not State.READY or self.replica.outbox.count_waiting or self.to_send or self.opening:
            return False
        names = [name for name in self.replica.documents if self.replica.is_wanted(name)]
        return all(self.is_document_settled(name) for name in names)

    def is_document_settled(self, name: str) -> bool:
        """Whether the document has all there is, or is not to be had."""
        subscription = self.subscriptions.get(name)
        if subscription is None:
            return False
        return subscription.phase is Phase.CLOSED or subscription.is_caught_up(self.document(name))

    # --- channels

    async def close_unused(self, now_s: float) -> None:
        """Follow no longer what nobody uses, as far as others wait for its channels. Raises `StoreError`."""
        if not self.unopened or now_s < self._look_for_unused_s:
            return
        wanted = min(len(self.unopened), self._open_max)
        names = [subscription.name for subscription in self.by_channel.values()]
        if await self.replica.unfollow_unused(names, wanted) < wanted:
            self._look_for_unused_s = now_s + UNUSED_WAIT_S
            self.alarm(next(iter(self.unopened)), self._look_for_unused_s)

    # --- the decision

    def decide(self, now_s: float) -> list[Frame]:
        """What to send now. The order is that of the invariants."""
        if self.state is not State.READY:
            return []
        while self._alarms and self._alarms[0][0] <= now_s:
            alarm = heapq.heappop(self._alarms)
            self._alarms_set.remove(alarm)
            self.touch(alarm[1])
        sending, self.to_send = self.to_send, []
        if self.lease_wanted and not self.lease_asked:
            self.lease_asked = True
            sending.append(frames.RequestLease())
        touched, self._touched = self._touched, {}
        for name in touched:
            sending += self._see_to(name, now_s)
        for name in self._more_to_look_at():
            sending += self._see_to(name, now_s)
        opening = self._openable()
        return sending + [
            self._open(opening[start : start + self._open_max]) for start in range(0, len(opening), self._open_max)
        ]

    def _see_to(self, name: str, now_s: float) -> Iterator[Frame]:
        subscription = self._subscription(name)
        self.unopened.pop(name, None)
        if self.is_document_settled(name):
            self._looking.discard(name)
        if not self.replica.is_wanted(name) and name not in self._looking:
            yield from self._leave(subscription)
        elif subscription.phase is Phase.WANTED:
            self._want(subscription, now_s)
        elif subscription.phase is Phase.OPEN:
            yield from self._updates(subscription, now_s)
            yield from self._digest(subscription, now_s)
            yield from self._presence(subscription, now_s)

    def _more_to_look_at(self) -> list[str]:
        more = self._unlooked[: self._open_max - len(self._looking)]
        del self._unlooked[: len(more)]
        self._looking.update(more)
        return more

    def _subscription(self, name: str) -> Subscription:
        subscription = self.subscriptions.get(name)
        if subscription is None:
            subscription = self.subscriptions[name] = Subscription(name, self.replica.identity.client)
        return subscription

    def _leave(self, subscription: Subscription) -> Iterator[Frame]:
        if subscription.phase is Phase.OPEN:
            subscription.ask_again(0.0)
            self.by_channel.pop(subscription.channel, None)
            yield frames.Close(subscription.channel)

    def _want(self, subscription: Subscription, now_s: float) -> None:
        if now_s < subscription.open_after_s:
            self.alarm(subscription.name, subscription.open_after_s)
        else:
            self.unopened[subscription.name] = None

    def _openable(self) -> list[str]:
        asked = sum(len(names) for names in self.opening.values())
        left = max(0, self._channels_max - len(self.by_channel) - asked)
        waiting = self.replica.outbox.is_waiting
        return sorted(self.unopened, key=lambda name: not waiting(name))[:left] if left else []

    def _open(self, names: list[str]) -> Frame:
        request, self._next_id = self._next_id, self._next_id + 1
        self.opening[request] = names
        wanted = []
        for name in names:
            del self.unopened[name]
            document, subscription = self.document(name), self.subscriptions[name]
            subscription.phase = Phase.ASKED
            pending = subscription.said_pending = self.replica.outbox.is_waiting(name)
            wanted.append(frames.OpenDocument(name, document.epoch, document.cursor.position, pending))
        return frames.Open(request, wanted)

    def _updates(self, subscription: Subscription, now_s: float) -> Iterator[Frame]:
        name, sender, outbox = subscription.name, subscription.sender, self.replica.outbox
        document = self.document(name)
        if not outbox.is_waiting(name) or not subscription.may_send(document):
            return
        if now_s < subscription.send_after_s:
            self.alarm(name, subscription.send_after_s)
            return
        if not sender.in_flight:
            sender.move_on(document.clock)
        while row := sender.next(partial(outbox.waiting_after, name)):
            if self.lease_wanted or len(self.in_flight) >= self._in_flight_max:
                self.touch(name)  # looked at again when there is room, or a client id
                return
            id_, self._next_id = self._next_id, self._next_id + 1
            payload = row.payload if document.is_page else _encode_record(row, sender.client, sender.clock)
            sender.sent(id_, row, payload)
            self.in_flight[id_] = subscription
            yield frames.Update(subscription.channel, id_, payload)

    def _digest(self, subscription: Subscription, now_s: float) -> Iterator[Frame]:
        name, document = subscription.name, self.document(subscription.name)
        position = document.cursor.position
        if document.content is None or document.is_storing:
            return
        if position == subscription.digest_equal_at or subscription.digest_asked:
            return
        complete = subscription.is_caught_up(document) and not document.cursor.ahead
        if not complete or self.replica.outbox.is_waiting(name) or subscription.sender.in_flight:
            return
        if now_s < subscription.digest_after_s:
            self.alarm(name, subscription.digest_after_s)
            return
        subscription.digest_asked = True
        subscription.digest_after_s = now_s + DIGEST_INTERVAL_S
        try:
            yield frames.Digest(subscription.channel, position, document.content.digest)
        except ContentBroken as broken:
            subscription.digest_equal_at = position  # nothing to compare: it is not asked again for this state
            logger.warning("%s has no digest: %s", name, broken)

    def _presence(self, subscription: Subscription, now_s: float) -> Iterator[Frame]:
        due = self.presence.due(subscription.name, now_s)
        if due is not None:
            yield frames.SetPresence(subscription.channel, None if due[0] is None else dict(due[0]))
            self.alarm(subscription.name, now_s + RENEWAL_S)


def _encode_record(row: Row, client: int, clock: int) -> bytes:
    return encode_records([RecordStruct(client, clock, row.root, row.record, decode_json(row.payload))])
