"""Opening documents on `/v1/sync`: many at once, in one round trip, with a few bytes for what has not changed.

Between session and hub. First every document is found and pinned, which may wait for the store; then, without a pause
in between, all are subscribed and the answer is written. So no update of a document can come before its `Opened`, and
none is missed.
"""

from typing import TYPE_CHECKING, NamedTuple

from syncline_protocol import frames, limits
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access

from syncline_server.document import Document
from syncline_server.outbox import Subscription
from syncline_server.wire import FRAMES

if TYPE_CHECKING:
    from syncline_server.session import Session


class Found(NamedTuple):
    """A document that was asked for, pinned, and what the session may do with it."""

    wanted: frames.OpenDocument
    document: Document
    access: Access


async def open_documents(session: "Session", request: frames.Open) -> None:
    """Answer an `Open`. Raises `ProtocolViolation` when it names too many documents."""
    if len(request.documents) > limits.OPEN_DOCUMENTS_MAX:
        raise ProtocolViolation(CloseCode.TOO_LARGE, f"Open names over {limits.OPEN_DOCUMENTS_MAX} documents")
    await session.hub.prefetch(session.identity.tenant, [wanted.name for wanted in request.documents])
    results: list[Found | RefusedUpdate] = []
    try:
        for wanted in request.documents:
            results.append(await _find(session, wanted, len(results)))
        if session.connected:
            _answer(session, request.request, results)
    finally:
        for result in results:
            if isinstance(result, Found):
                session.hub.unpin(result.document)


async def _find(session: "Session", wanted: frames.OpenDocument, before: int) -> Found | RefusedUpdate:
    hub = session.hub
    if len(session.subscriptions) + before >= limits.CHANNELS_MAX:
        return RefusedUpdate(RefusalCode.TOO_LARGE, f"over {limits.CHANNELS_MAX} documents are open on this connection")
    try:
        document, access = await hub.open(session.identity, wanted.name)
    except RefusedUpdate as refusal:
        return refusal
    try:
        if wanted.epoch == document.epoch and wanted.cursor > document.committed:
            await hub.histories.renew_epoch(document)
        if wanted.pending:
            await hub.load_index(document)
    except RefusedUpdate as refusal:
        hub.unpin(document)
        return refusal
    return Found(wanted, document, access)


def _answer(session: "Session", request: int, results: list[Found | RefusedUpdate]) -> None:
    answers = []
    refused = []
    for index, result in enumerate(results):
        if isinstance(result, Found):
            answers.append(_subscribe(session, result))
        else:
            answers.append(frames.OpenedDocument(0, Access.NONE.value, 0, 0, 0))
            refused.append(frames.OpenRefusal(index, result.code.value, result.reason))
    session.send(frames.Opened(request, answers, refused))
    session.outbox.feed()
    session.hub.presence.show(session, [result.document for result in results if isinstance(result, Found)])


def _subscribe(session: "Session", found: Found) -> frames.OpenedDocument:
    wanted, document, access = found
    known = wanted.epoch == document.epoch
    subscription = Subscription(session, document, FRAMES, access, wanted.cursor if known else 0)
    session.subscriptions[document.number] = subscription
    document.subscriptions[session] = subscription
    admission = document.admission
    clock = admission.vector.get(session.client, 0) if wanted.pending and admission is not None else 0
    return frames.OpenedDocument(
        document.number, access.value, document.committed, clock, 0 if known else document.epoch
    )
