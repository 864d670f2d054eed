"""What the server says on one connection, and what follows from it.

On the device's way back: `transport → connection → ANSWERS → reception → replica`. Each frame changes the session's
state and the replica; what to send then is the session's to decide. Refusals are followed to the letter of
`errors.NEXT_STEP`.
"""

from collections.abc import Mapping
from typing import Any, Final

from syncline_protocol import codec, frames
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.frames import ServerFrame
from syncline_protocol.limits import FRAME_ASSEMBLED_BYTES_MAX
from syncline_protocol.session import FROM_SERVER, next_state
from syncline_protocol.update import scan_vector

from syncline_client.changes import Change, ChangeKind
from syncline_client.errors import ContentBroken
from syncline_client.page_reception import FORKED, WHY_FORKED
from syncline_client.reception import Reception
from syncline_client.replica import logger
from syncline_client.sender import InFlight
from syncline_client.session import Session
from syncline_client.subscription import RESYNCS_MAX, Phase, Subscription

REOPEN_WAIT_S: Final = 0.5
"""Before a document that the server took away is asked for again."""

RETRY_WAIT_MS: Final = 1_000
"""Before something is tried again, where the server did not say how long."""

PASSING: Final = frozenset({RefusalCode.RATE_LIMITED, RefusalCode.UNAVAILABLE})
"""Refusals that time heals."""

OTHER_LEASE: Final = frozenset({RefusalCode.NOT_YOURS, RefusalCode.FORKED})
"""Refusals that another client id heals."""


class Answers:
    """Takes in the frames of one connection, in their order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._replica = session.replica
        self._reception = Reception(session.replica)
        self._assembler = codec.Assembler(FRAME_ASSEMBLED_BYTES_MAX)

    async def take(self, message: bytes, now_s: float) -> None:
        """Take in one message. Raises `ProtocolViolation`, `StoreError`, `OtherUser`."""
        await self._take(codec.decode_server_frame(message), now_s)

    async def _take(self, frame: ServerFrame, now_s: float) -> None:
        session = self._session
        session.state = next_state(FROM_SERVER, session.state, frame)
        match frame:
            case frames.Updates():
                await self._updates(frame, now_s)
            case frames.Acks():
                await self._acks(frame)
            case frames.Refused():
                await self._refused(frame, now_s)
            case frames.Presence():
                self._presence(frame, now_s)
            case frames.Snapshot():
                await self._snapshot(frame, now_s)
            case frames.Opened():
                await self._opened(frame, now_s)
            case frames.Evicted():
                await self._evicted(frame, now_s)
            case frames.DigestChecked():
                await self._digest_checked(frame, now_s)
            case frames.Fragment():
                whole = self._assembler.add(frame)
                if whole is not None:
                    await self.take(whole, now_s)
            case _:
                await self._take_rare(frame)

    async def _take_rare(self, frame: ServerFrame) -> None:
        session = self._session
        match frame:
            case frames.Welcome():
                await self._reception.greet(frame)
                session.welcomed(frame)
            case frames.Leased(client):
                await self._leased(client)
            case frames.Renewed(expires_ms):
                session.token_expires_ms, session.is_renewing = expires_ms, False
            case frames.Busy(retry_after_ms):
                session.retry_after_ms = retry_after_ms

    # --- opening

    async def _opened(self, frame: frames.Opened, now_s: float) -> None:
        refusals = {refusal.index: refusal for refusal in frame.refused}
        names = self._session.opening.pop(frame.request, [])
        if len(names) != len(frame.documents):
            raise ProtocolViolation(
                CloseCode.MALFORMED_FRAME, f"{len(frame.documents)} answers to an Open of {len(names)}"
            )
        for index, (name, answer) in enumerate(zip(names, frame.documents, strict=True)):
            subscription = self._session.subscriptions[name]
            refusal = refusals.get(index)
            if refusal is not None and refusal.code == RefusalCode.TOO_LARGE:
                self._session.crowded(subscription, now_s + RETRY_WAIT_MS / 1000)
            elif refusal is not None:
                await self._not_opened(subscription, refusal.code, refusal.reason, now_s)
            else:
                await self._open(subscription, answer)
            self._session.touch(name)
        await self._reception.forget(
            [names[index] for index, one in refusals.items() if one.code == RefusalCode.FORBIDDEN]
        )

    async def _open(self, subscription: Subscription, answer: frames.OpenedDocument) -> None:
        session, name = self._session, subscription.name
        expected = await self._reception.own_clock(name) if subscription.said_pending else 0
        await self._reception.opened(name, answer.epoch)
        if subscription.said_pending and not answer.epoch and answer.clock > expected:
            logger.warning("%s: the server has more by this device than it knows: its store is an old copy", name)
            session.lease_wanted = True
            subscription.is_old_copy = session.document(name).is_page
        # Where the log is known to be, not where the server's index is: what it has admitted and not committed yet is
        # sent again at the same clocks, and acknowledged as known.
        clock = session.document(name).clock
        subscription.opened(answer, self._replica.identity.client, min(clock, answer.clock) if expected else clock)
        session.by_channel[answer.channel] = subscription
        await self._settle_old_copy(subscription)

    async def _settle_old_copy(self, subscription: Subscription) -> None:
        """A page of an old copy has caught up: what still waits is not in the log, and its clocks are taken."""
        if subscription.is_old_copy and subscription.is_caught_up(self._session.document(subscription.name)):
            subscription.is_old_copy = False
            await self._reception.refuse_all(subscription.name, FORKED, WHY_FORKED)

    async def _not_opened(self, subscription: Subscription, code: str, reason: str, now_s: float) -> None:
        if code in PASSING:
            subscription.ask_again(now_s + RETRY_WAIT_MS / 1000)
            return
        subscription.closed(reason)
        await self._reception.refuse_all(subscription.name, code, reason)
        self._replica.watchers.tell(Change(subscription.name, ChangeKind.CLOSED))

    async def _evicted(self, frame: frames.Evicted, now_s: float) -> None:
        subscription = self._session.by_channel.pop(frame.channel, None)
        if subscription is None:
            return
        if frame.code in (RefusalCode.FORBIDDEN, RefusalCode.NOT_FOUND):
            await self._not_opened(subscription, frame.code, frame.reason, now_s)
            await self._reception.forget([subscription.name] if frame.code == RefusalCode.FORBIDDEN else [])
        else:
            subscription.ask_again(now_s + REOPEN_WAIT_S)
        self._session.touch(subscription.name)

    # --- content

    async def _updates(self, frame: frames.Updates, now_s: float) -> None:
        subscription = self._session.by_channel.get(frame.channel)
        if subscription is None:
            return  # closed meanwhile: what is missed is sent again when it is opened
        subscription.head = max(subscription.head, frame.seq + len(frame.payloads) - 1)
        try:
            if await self._reception.receive(subscription.name, frame.seq, frame.payloads):
                self._session.lease_wanted = True
            await self._settle_old_copy(subscription)
        except ContentBroken as broken:
            await self._resync(subscription, str(broken), now_s)
        self._session.touch(subscription.name)

    async def _snapshot(self, frame: frames.Snapshot, now_s: float) -> None:
        subscription = self._session.by_channel.get(frame.channel)
        if subscription is None:
            return
        try:
            await self._reception.receive_snapshot(subscription.name, frame.seq, frame.payload)
            await self._settle_old_copy(subscription)
        except ContentBroken as broken:
            await self._resync(subscription, str(broken), now_s)
        self._session.touch(subscription.name)

    async def _digest_checked(self, frame: frames.DigestChecked, now_s: float) -> None:
        subscription = self._session.by_channel.get(frame.channel)
        if subscription is None or not subscription.digest_asked:
            return
        subscription.digest_asked = False
        if frame.equal:
            subscription.digest_equal_at = frame.cursor
        elif frame.digest:
            self._replica.mismatched.append(subscription.name)
            await self._resync(subscription, f"the digests differ at {frame.cursor}", now_s)
        else:  # the log has moved on meanwhile
            subscription.digest_after_s = min(subscription.digest_after_s, now_s + RETRY_WAIT_MS / 1000)
        self._session.touch(subscription.name)

    async def _resync(self, subscription: Subscription, reason: str, now_s: float) -> None:
        """Load the document anew; when that has not helped, leave it until the next connection."""
        logger.error("%s: %s; loading it anew", subscription.name, reason)
        subscription.resyncs += 1
        self._session.by_channel.pop(subscription.channel, None)
        self._session.to_send.append(frames.Close(subscription.channel))
        await self._reception.reset(subscription.name)
        subscription.digest_equal_at = 0
        if subscription.resyncs > RESYNCS_MAX:
            subscription.closed(reason)
        else:
            subscription.digest_after_s = now_s
            subscription.ask_again(now_s)

    def _presence(self, frame: frames.Presence, now_s: float) -> None:
        subscription = self._session.by_channel.get(frame.channel)
        if subscription is not None:
            self._session.presence.see(subscription.name, frame, now_s)
            self._replica.watchers.tell(Change(subscription.name, ChangeKind.PRESENCE))

    # --- answers to own updates

    async def _acks(self, frame: frames.Acks) -> None:
        session = self._session
        answered: dict[str, list[tuple[InFlight, int]]] = {}
        flat = frame.updates
        if len(flat) % 3:
            raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "Acks do not come in threes")
        for id_, seq in zip(flat[1::3], flat[2::3], strict=True):
            subscription = session.in_flight.pop(id_, None)
            sent = subscription.sender.acknowledged(id_) if subscription is not None else None
            if subscription is not None and sent is not None:
                subscription.head = max(subscription.head, seq)
                answered.setdefault(subscription.name, []).append((sent, seq))
        for name, answers in answered.items():
            await self._reception.acknowledge(name, answers)
            session.touch(name)

    async def _refused(self, frame: frames.Refused, now_s: float) -> None:
        session = self._session
        subscription = session.in_flight.pop(frame.id, None)
        if subscription is None:
            return
        sender = subscription.sender
        first = not sender.is_rewinding
        sent = sender.refused(frame.id, server_clock=_clock_in(frame.detail, sender.client))
        session.touch(subscription.name)
        if sent is not None:
            await self._follow_refusal(subscription, sent, frame, first=first, now_s=now_s)

    async def _follow_refusal(
        self, subscription: Subscription, sent: InFlight, frame: frames.Refused, *, first: bool, now_s: float
    ) -> None:
        """Do what `errors.NEXT_STEP` says. `first`: not merely a consequence of an earlier refusal."""
        session, name, code = self._session, subscription.name, frame.code
        if code in PASSING:
            wait_ms = _natural(frame.detail, "retry_after_ms", RETRY_WAIT_MS)
            subscription.send_after_s = max(subscription.send_after_s, now_s + wait_ms / 1000)
            return
        if code == RefusalCode.QUARANTINED:
            subscription.quarantined, subscription.reason = True, frame.reason
            return
        lost = first and subscription.strike(sent.row)
        if code == RefusalCode.GAP and not lost:
            return  # the sender rewinds by itself
        if code == RefusalCode.CLOCK_AHEAD and not lost:
            server_time_ms = _natural(frame.detail, "server_time_ms", self._replica.server_now_ms())
            await self._reception.correct_clock(server_time_ms, sent.row)
        elif code == RefusalCode.NOT_OPEN and not lost:
            if subscription.phase is Phase.OPEN:
                session.by_channel.pop(subscription.channel, None)
                subscription.ask_again(now_s)
        elif code in OTHER_LEASE and not lost and not session.document(name).is_page:
            session.lease_wanted = session.lease_wanted or (first and sent.client == subscription.sender.client)
        else:
            session.lease_wanted = session.lease_wanted or code == RefusalCode.FORKED
            await self._reception.refuse(name, sent.row, code, frame.reason)

    async def _leased(self, client: int) -> None:
        session = self._session
        session.lease_wanted = session.lease_asked = False
        await self._reception.leased(client)
        for subscription in session.subscriptions.values():
            subscription.sender.renumber(client, 0)
            session.touch(subscription.name)


def _clock_in(detail: Mapping[str, Any], client: int) -> int | None:
    """The next clock of `client` by the server's vector, if the refusal tells it."""
    vector = detail.get("vector")
    if not isinstance(vector, bytes):
        return None
    try:
        return scan_vector(vector).get(client, 0)
    except RefusedUpdate as refusal:
        logger.warning("the server told a vector that is none: %s", refusal)
        return None


def _natural(detail: Mapping[str, Any], key: str, default: int) -> int:
    value = detail.get(key)
    return value if isinstance(value, int) and value >= 0 else default
