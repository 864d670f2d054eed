"""What must not be there any more because of erased messages: their author's drafts of them.

Part of `automation.py`, whose promises hold here: `look_at` can be interrupted anywhere and repeated. A user is on the
list from the transaction that takes in a redaction of a message of theirs, or a draft that came behind one; so a draft
goes exactly once, whichever of the two documents is first, and whatever happens between them.
"""

from typing import TYPE_CHECKING

from syncline_protocol.documents.schema import DRAFTS
from syncline_protocol.documents.user import drafts_to_erase
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.erasure import erase
from syncline_server.storage.interface import DocumentKey
from syncline_server.storage.record_reading import read_records

if TYPE_CHECKING:
    from syncline_server.hub import Hub
    from syncline_server.projections.projections import Projections


class UserUpkeep:
    """Looks at one user after the other."""

    def __init__(self, hub: "Hub", projections: "Projections") -> None:
        self._hub = hub
        self._projections = projections

    async def look_at(self, tenant: str, user: str) -> None:
        """Erase the drafts of erased messages. Raises `RefusedUpdate`, `StoreError`."""
        erased = await self._projections.facts.erased_until(tenant, user)
        name = DocumentName(DocumentKind.USER, user).path
        if not erased or await self._hub.store.read_document(DocumentKey(tenant, name)) is None:
            return  # the server itself, say, and whoever writes by REST alone
        document = await self._hub.find_named(tenant, name)
        try:
            _, records = await read_records(self._hub.store, document.number)
            going = drafts_to_erase(((root, value) for (root, _), value in records.items()), erased)
            if going:
                await erase(self._hub, document, {(DRAFTS, draft) for draft in going})
        finally:
            self._hub.unpin(document)
