"""What admission has to remember of a document of records: which struct brought which record, and the digest of all.

On the data's way: `scanner → RECORD INDEX → rules → RECORD INDEX → log`. The index decides ownership, continuity and
uniqueness (`docs/protocol.md`, section 6), in two steps with the rules in between:

    new = index.check(structs, owns)       # refuses, or says what is new; changes nothing
    check_records(..., new, index, ...)    # the rules refuse, or return
    index.integrate(new)                   # now it is known

What holds between the calls:

1. Of each client the clocks 0 … vector[client] - 1 are known, one record each: an update never leaves a gap.
2. A key of a root belongs to one struct for ever: records are neither overwritten nor deleted.
3. `digest` is the sum of the digests of exactly the records known.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self

import msgspec

from syncline_protocol.documents.erasure import REDACTED
from syncline_protocol.documents.records import DIGEST_BYTES, DIGEST_MASK, scanned_digest
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import RecordStruct, encode_vector, scan_records

Owns = Callable[[int], bool]
"""Whether a client id is leased to the writer."""

ENCODING_VERSION: Final = 1


class RecordFacts(NamedTuple):
    """What the rules need to know of a record: its struct, author, type, and the message it names, if any ('' else)."""

    client: int
    clock: int
    by: str
    type: str
    message: str


class _EncodedRecord(msgspec.Struct, frozen=True, array_like=True):
    root: str
    key: str
    by: str
    type: str
    message: str


class _EncodedIndex(msgspec.Struct, frozen=True, array_like=True):
    version: int
    digest: bytes
    clients: list[tuple[int, list[_EncodedRecord]]]


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(_EncodedIndex)


class RecordIndex:
    """See the module's text. `vector` and `records` are for reading only."""

    __slots__ = ("_names", "_sum", "_words", "records", "vector")

    def __init__(self) -> None:
        self.vector: dict[int, int] = {}
        """Next clock by client id."""
        self.records: dict[tuple[str, str], RecordFacts] = {}
        """By root and key."""
        self._names: dict[int, list[tuple[str, str]]] = {}  # by client; the place in the list is the clock
        self._sum = 0
        self._words: dict[str, str] = {}  # users, types and roots, once each: they repeat in every record

    @classmethod
    def from_update(cls, payload: bytes) -> Self:
        """The index of a document that holds this update and nothing else: a snapshot out of one's own store.

        Raises `RefusedUpdate` when it is no update of records.
        """
        index = cls()
        index.admit(scan_records(payload, trusted=True), owns=_anybody)
        return index

    @property
    def digest(self) -> bytes:
        """The document's digest (see `records.document_digest`)."""
        return self._sum.to_bytes(DIGEST_BYTES, "little")

    def admit(self, structs: Sequence[RecordStruct], *, owns: Owns) -> list[RecordStruct]:
        """Check and integrate without rules in between; returns the new ones. A refusal changes nothing."""
        new = self.check(structs, owns)
        self.integrate(new)
        return new

    def check(self, structs: Sequence[RecordStruct], owns: Owns) -> list[RecordStruct]:
        """Those of `structs` that are not known yet, in their order. Changes nothing.

        Raises `RefusedUpdate`: `not_yours`, `forked`, `gap` (with this index's vector) or `invalid` (an overwrite). An
        update that repeats an erased record beside new ones is a `gap`: the new ones are to come alone.
        """
        if len(structs) == 1 and self._is_next(structs[0], owns):
            return list(structs)
        new: list[RecordStruct] = []
        expected: dict[int, int] = {}  # next clock by client, this update's own structs counted
        names: set[tuple[str, str]] = set()
        repeated = ""  # a record that was erased here and that the update may bring the content of
        for struct in structs:
            client, clock, root, key, _ = struct
            name = (root, key)
            if clock < self.vector.get(client, 0):
                self._check_known(client, clock, name, owns)
                if self.records[name].type == REDACTED:
                    repeated = key
                continue
            if not owns(client):
                raise RefusedUpdate(RefusalCode.NOT_YOURS, f"client id {client} is not leased to this device")
            if clock != expected.get(client, self.vector.get(client, 0)):
                next_clock = self.vector.get(client, 0)
                raise self._gap(f"struct {client}:{clock} came, and {client}:{next_clock} is the next one here")
            if name in self.records or name in names:
                raise RefusedUpdate(
                    RefusalCode.INVALID, f"record {key} exists already in {root!r}", detail={"record": key}
                )
            expected[client] = clock + 1
            names.add(name)
            new.append(struct)
        if new and repeated:  # updates are stored as they came
            raise self._gap(f"{repeated} was erased: send what is new without it")
        return new

    def _is_next(self, struct: RecordStruct, owns: Owns) -> bool:
        """Whether this is the common case: one new record, at the next clock of the writer's own client id."""
        client, clock, root, key, _ = struct
        return clock == self.vector.get(client, 0) and (root, key) not in self.records and owns(client)

    def integrate(self, new: Sequence[RecordStruct]) -> None:
        """Take in what `check` returned, before anything else changes the index.

        Raises `RefusedUpdate` (`invalid`) for a value that is no record, and changes nothing; records that passed the
        rules never are.
        """
        prepared = [(one, self._facts(one), scanned_digest(one.root, one.key, one.value)) for one in new]
        for (client, clock, root, key, _), facts, digest in prepared:
            if clock != self.vector.get(client, 0):
                raise ValueError(f"struct {client}:{clock} was not checked against this state of the index")
            name = (self._word(root), key)
            self.vector[client] = clock + 1
            self.records[name] = facts
            if clock:
                self._names[client].append(name)
            else:
                self._names[client] = [name]
            self._sum = (self._sum + int.from_bytes(digest, "little")) & DIGEST_MASK

    def encode(self) -> bytes:
        """The index as bytes, to be stored beside a snapshot."""
        clients = [
            (client, [_EncodedRecord(*name, *self.records[name][2:]) for name in names])
            for client, names in sorted(self._names.items())
        ]
        return _encode(_EncodedIndex(ENCODING_VERSION, self.digest, clients))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The index that was encoded. Raises `ValueError` when `data` is none."""
        encoded = _decoder.decode(data)
        if encoded.version != ENCODING_VERSION or len(encoded.digest) != DIGEST_BYTES:
            raise ValueError(f"a record index of version {encoded.version} cannot be read here")
        index = cls()
        index._sum = int.from_bytes(encoded.digest, "little")
        for client, records in encoded.clients:
            index.vector[client] = len(records)
            index._names[client] = [(index._word(one.root), one.key) for one in records]
            for clock, one in enumerate(records):
                facts = RecordFacts(client, clock, index._word(one.by), index._word(one.type), one.message)
                index.records[index._names[client][clock]] = facts
        return index

    def _facts(self, struct: RecordStruct) -> RecordFacts:
        client, clock, _, _, value = struct
        by = value.get("by")
        kind = value.get("type")
        message = value.get("message", "")
        if not (isinstance(by, str) and isinstance(kind, str) and isinstance(message, str)):
            raise _no_record(struct, "its author, type or message is no text")
        words = self._words
        return RecordFacts(client, clock, words.setdefault(by, by), words.setdefault(kind, kind), message)

    def _word(self, word: str) -> str:
        return self._words.setdefault(word, word)

    def _check_known(self, client: int, clock: int, name: tuple[str, str], owns: Owns) -> None:
        if self._names[client][clock] == name:
            return
        if owns(client):
            reason = f"struct {client}:{clock} is another record here: the device's store was restored from a backup"
            raise RefusedUpdate(RefusalCode.FORKED, reason, detail={"record": name[1]})
        raise RefusedUpdate(RefusalCode.NOT_YOURS, f"struct {client}:{clock} is another record here, by another device")

    def _gap(self, reason: str) -> RefusedUpdate:
        return RefusedUpdate(RefusalCode.GAP, reason, detail={"vector": encode_vector(self.vector)})


def _no_record(struct: RecordStruct, reason: str) -> RefusedUpdate:
    return RefusedUpdate(
        RefusalCode.INVALID,
        f"{struct.key} in {struct.root!r} is no record: {reason}",
        detail={"record": struct.key},
    )


def _anybody(_: int) -> bool:
    return True
