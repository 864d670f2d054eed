"""Reads the records-only language: updates that can do nothing but add records.

On the data's way: `session → SCANNER → record index → rules → log`. Customers write in this language everywhere, and
everybody does in documents of records. A struct of it is, in bytes,

    0x28                    content of values, with a key, without origins
    1, root, key            the parent is a root; its name; the new key in it
    1, object               one value, an object of plain JSON

and an update is sections of such structs, one section a client, and an empty delete set. An overwrite has an origin, a
delete is in the delete set, an edit of text has other content: nothing else can be said.
"""

from typing import Any, Final, NamedTuple

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import (
    CLOCK_MAX,
    KEY_BYTES_MAX,
    NESTING_DEPTH_MAX,
    RECORD_BYTES_MAX,
    UPDATE_BYTES_MAX,
)
from syncline_protocol.update.budget import Budget
from syncline_protocol.update.json_value import (
    OBJECT,
    read_object,
    read_rare_of_record,
)
from syncline_protocol.update.reader import (
    UNREADABLE,
    malformed,
    read_count,
    read_text,
    read_varuint,
    too_large,
    unreadable,
)

RECORD_INFO: Final = 0x28
"""A struct's first byte: content of values (8), keyed (0x20), neither origin nor right origin."""

STRUCT_BYTES_MIN: Final = 2
"""Info and length, of a struct in the other language, so that it is refused as such."""

SECTION_BYTES_MIN: Final = 3
"""Number of structs, client id, clock."""

ONE_RECORD: Final = b"\x01\x01"
"""How an update with one record begins: one section, one struct."""

CONTENT_KINDS_END: Final = 10
"""From here on a struct's kind is none that an editor may send."""


class RecordStruct(NamedTuple):
    """A record as an update brings it: `value` is new under `key` in the root map `root`, as `client`:`clock`."""

    client: int
    clock: int
    root: str
    key: str
    value: dict[str, Any]


def scan_records(data: bytes, *, trusted: bool = False) -> list[RecordStruct]:
    """The records of an update, in its order.

    `trusted`: the bytes come from our own store, where a snapshot may be larger than an update; the limits on the whole
    (bytes, clients, structs, values) do not count, all others do.

    Raises `RefusedUpdate`: `malformed`, `too_large`, `invalid` (a value that is no plain JSON object) or `forbidden`
    (an update in the language of pages: an overwrite, a delete, text).
    """
    if len(data) > UPDATE_BYTES_MAX and not trusted:
        raise too_large(f"an update of {len(data)} bytes: at most {UPDATE_BYTES_MAX} are taken")
    try:
        if data[:2] == ONE_RECORD:
            return [_scan_one(data)]
        return _scan(data, Budget.of_snapshot(data) if trusted else Budget())
    except UNREADABLE as error:
        raise unreadable(error) from None


def _scan_one(data: bytes) -> RecordStruct:
    """What `_scan` returns of an update with one record, as nearly every update is: a third faster."""
    client, position = read_varuint(data, 2)
    clock, position = read_varuint(data, position)
    if clock >= CLOCK_MAX:
        raise malformed(f"clock {clock + 1} of client {client} is above {CLOCK_MAX}")
    root, key, value, position = _scan_record(data, position, Budget())
    _check_end(data, position)
    return RecordStruct(client, clock, root, key, value)


def _scan(data: bytes, budget: Budget) -> list[RecordStruct]:
    records: list[RecordStruct] = []
    clients = set()
    sections, position = read_count(data, 0, SECTION_BYTES_MIN)
    budget.take_clients(sections)
    for _ in range(sections):
        count, position = read_count(data, position, STRUCT_BYTES_MIN)
        budget.take_structs(count)
        client, position = read_varuint(data, position)
        clock, position = read_varuint(data, position)
        end = clock + count
        if count == 0 or client in clients:
            raise malformed(f"client {client} has an empty section, or two")
        if end > CLOCK_MAX:
            raise malformed(f"clock {end} of client {client} is above {CLOCK_MAX}")
        clients.add(client)
        while clock < end:
            root, key, value, position = _scan_record(data, position, budget)
            records.append(RecordStruct(client, clock, root, key, value))
            clock += 1
    _check_end(data, position)
    return records


def _check_end(data: bytes, position: int) -> None:
    """Behind the structs there is an empty delete set and nothing else."""
    if data[position] != 0:
        raise RefusedUpdate(RefusalCode.FORBIDDEN, "records are not deleted: the update deletes something")
    if position + 1 != len(data):
        raise malformed(f"{len(data) - position - 1} bytes follow the update")


def _scan_record(data: bytes, position: int, budget: Budget) -> tuple[str, str, dict[str, Any], int]:
    start = position
    if data[position] != RECORD_INFO or data[position + 1] != 1:
        raise _other_language(data, position)
    root, position = read_text(data, position + 2, KEY_BYTES_MAX)
    key, position = read_text(data, position, KEY_BYTES_MAX)
    if data[position] != 1 or data[position + 1] != OBJECT:
        raise RefusedUpdate(
            RefusalCode.INVALID, f"{key} in {root!r} is not one JSON object, as a record is", detail={"record": key}
        )
    value, position = read_object(data, position + 2, NESTING_DEPTH_MAX, budget, read_rare_of_record)
    if position - start > RECORD_BYTES_MAX:
        raise RefusedUpdate(
            RefusalCode.TOO_LARGE,
            f"{key} in {root!r} has {position - start} bytes: at most {RECORD_BYTES_MAX} are taken",
            detail={"record": key},
        )
    return root, key, value, position


def _other_language(data: bytes, position: int) -> RefusedUpdate:
    kind = data[position] & 0x1F
    if kind >= CONTENT_KINDS_END:
        return malformed(f"{kind} at byte {position} is no kind of struct")
    return RefusedUpdate(
        RefusalCode.FORBIDDEN,
        f"only new records may be written here: the struct at byte {position} (kind {kind}) overwrites, or is none",
    )
