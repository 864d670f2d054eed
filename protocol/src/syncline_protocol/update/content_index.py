"""What admission has to remember of a page: enough to say of any update whether engines will take it, and alike.

On the data's way: `scanner → CONTENT INDEX → log`. A page is free-form Yjs content; its index (`content_state.py`)
holds none of it. An update is admitted whole or refused whole; a refusal leaves the index as it was. The rules are
numbered in `integration.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update.content_codec import decode_state, encode_state
from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.integration import Gap, Integration, Owns
from syncline_protocol.update.scanned import ScannedSection, ScannedUpdate
from syncline_protocol.update.scanner import scan_update
from syncline_protocol.update.vector import encode_vector


class ContentIndex:
    """See the module's text. `state` is for reading only."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = ContentState()

    @classmethod
    def from_update(cls, payload: bytes) -> Self:
        """The index of a page that holds this update of ours and nothing else (a snapshot). Raises `RefusedUpdate`."""
        index = cls()
        index.admit(scan_update(payload, trusted=True), owns=_anybody, trusted=True)
        return index

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The index that was encoded. Raises `ValueError`, saying what is wrong, when `data` is none."""
        index = cls()
        index.state = decode_state(data)
        return index

    def encode(self) -> bytes:
        """The index as bytes, to be stored beside a snapshot."""
        return encode_state(self.state)

    @property
    def vector(self) -> dict[int, int]:
        """Next clock by client id; for reading only."""
        return self.state.vector

    def admit(self, update: ScannedUpdate, *, owns: Owns, trusted: bool = False) -> bool:
        """Check an update and take it in; returns whether it brings new structs or new deletes.

        `trusted`: it is a snapshot of ours, made of what was admitted.

        Raises `RefusedUpdate`: `not_yours`, `gap` (with `detail["vector"]`, encoded), `forked`, `invalid`, `malformed`
        or `too_large`, and changes nothing then.
        """
        try:
            return self._admit(update, owns, trusted=trusted)
        except Gap as gap:
            raise RefusedUpdate(RefusalCode.GAP, str(gap), detail={"vector": encode_vector(self.vector)}) from None

    def _admit(self, update: ScannedUpdate, owns: Owns, *, trusted: bool) -> bool:
        sections, deletes, _ = update
        state = self.state
        brings_new = self._check_sections(sections, owns)
        mark = state.mark([section.client for section in sections])
        work = Integration(state, deletes, owns, trusted=trusted)
        is_admitted = False
        try:
            work.integrate(sections)
            self._check_deletes(deletes)
            is_admitted = True
        finally:
            if not is_admitted:
                state.rollback(mark)
        for client, spans in work.spans.items():
            state.delete(client, spans)
        for client, ranges in deletes.items():
            brings_new = state.delete(client, ranges) or brings_new
        return brings_new

    def _check_sections(self, sections: Sequence[ScannedSection], owns: Owns) -> bool:
        """Rules 1 and 2 for whole sections; returns whether any brings something new."""
        vector = self.state.vector
        new = [section for section in sections if section.end > vector.get(section.client, 0)]
        for section in new:
            if not owns(section.client):
                raise RefusedUpdate(RefusalCode.NOT_YOURS, f"client id {section.client} is not leased to this device")
        for client, clock, _, _ in new:
            if clock > vector.get(client, 0):
                raise Gap(f"struct {client}:{clock} came, and {client}:{vector.get(client, 0)} is the next one here")
        return bool(new)

    def _check_deletes(self, deletes: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """Rules 2 and 3 for what is deleted."""
        for client, ranges in deletes.items():
            last = ranges[-1][1]
            if last > self.state.vector.get(client, 0):
                raise Gap(f"{client}:{last - 1} is deleted and not known")
            runs = self.state.runs[client]
            if runs.pairs and any(runs.splits_pair(start) or runs.splits_pair(end) for start, end in ranges):
                raise RefusedUpdate(RefusalCode.INVALID, f"a deletion of client {client} would cut a character in two")


def _anybody(_: int) -> bool:
    return True
