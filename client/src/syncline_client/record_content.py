"""What the server confirmed of a record document: the records, and their digest.

Part of the replica. No CRDT engine is needed: a record document is a set of records, and the order in which they come
does not matter. What this device wrote and the server has not accepted is not in here, but in the outbox; so a refusal
never has to be undone, and the digest is always that of admitted records.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from syncline_protocol.documents.records import DIGEST_BYTES, DIGEST_MASK, plain, record_digest
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.update import RecordStruct, encode_records, scan_records

from syncline_client.errors import ContentBroken

NOTHING: Final[Mapping[str, RecordStruct]] = MappingProxyType({})


class RecordContent:
    """The admitted records of one document, by root and id."""

    def __init__(self) -> None:
        self._roots: dict[str, dict[str, RecordStruct]] = {}
        self._sum = 0

    @property
    def digest(self) -> bytes:
        """See `syncline_protocol.documents.records.document_digest`."""
        return self._sum.to_bytes(DIGEST_BYTES, "little")

    def has(self, root: str, record: str) -> bool:
        """Whether the record is admitted."""
        return record in self._roots.get(root, NOTHING)

    def values(self, root: str) -> list[dict[str, Any]]:
        """The records of a root, in the order in which they came."""
        return [struct.value for struct in self._roots.get(root, NOTHING).values()]

    def structs(self) -> Iterable[RecordStruct]:
        """All records with their places."""
        return (struct for records in self._roots.values() for struct in records.values())

    def take(self, structs: Iterable[RecordStruct]) -> list[RecordStruct]:
        """Take in what is not here yet; returns it. All or nothing. Raises `ContentBroken`."""
        new = [struct for struct in structs if not self.has(struct.root, struct.key)]
        try:
            digests = [record_digest(one.root, one.key, one.value) for one in new]
        except ValueError as error:
            raise ContentBroken(f"an admitted record is not plain JSON: {error}") from error
        for struct, digest in zip(new, digests, strict=True):
            self._roots.setdefault(struct.root, {})[struct.key] = struct
            self._sum = (self._sum + int.from_bytes(digest, "little")) & DIGEST_MASK
        return new

    def encode(self) -> bytes:
        """All of it as one update; empty if there is nothing."""
        structs = sorted(self.structs(), key=lambda one: (one.client, one.clock))
        return encode_records(structs) if structs else b""


def scan(payload: bytes) -> list[RecordStruct]:
    """The records that an admitted update or snapshot brings, whole numbers as `int`. Raises `ContentBroken`."""
    try:
        return [struct._replace(value=plain(struct.value)) for struct in scan_records(payload, trusted=True)]
    except (RefusedUpdate, ValueError) as error:
        raise ContentBroken(f"an admitted update cannot be read: {error}") from error
