"""What the texts of a ticket may hold: the rules of `ticket/<id>/text`, whose updates speak the language of pages.

Beside the data's way: admission asks it of every scanned update. Three roots, each a text that several people write at
once; nothing else, so that every reader may open them as texts.
"""

from typing import Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update.scanned import Kind, ScannedStruct, ScannedUpdate

TEXT_ROOTS: Final = frozenset({"description", "resolution", "reply"})
"""What is wrong, what was done about it, and the answer that is being written."""

_IN_A_TEXT: Final = frozenset({Kind.STRING, Kind.FORMAT, Kind.EMBED, Kind.DELETED, Kind.COLLECTED})


def check_texts(update: ScannedUpdate) -> None:
    """Refuse an update that writes anything but text into these roots. Raises `RefusedUpdate` (forbidden)."""
    for section in update.sections:
        for struct in section.structs:
            _check(struct)


def _check(struct: ScannedStruct) -> None:
    if struct.kind not in _IN_A_TEXT or struct.key is not None:
        raise RefusedUpdate(RefusalCode.FORBIDDEN, "a ticket's texts hold text and nothing else")
    if isinstance(struct.parent, str) and struct.parent not in TEXT_ROOTS:
        roots = ", ".join(sorted(TEXT_ROOTS))
        raise RefusedUpdate(RefusalCode.FORBIDDEN, f"a ticket has no text {struct.parent!r}: it has {roots}")
