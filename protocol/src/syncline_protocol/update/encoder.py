"""Writes records as updates, without a CRDT engine: byte for byte what Yjs writes for `map.set(key, value)`.

At the beginning of the data's way: devices and the server's own actor make their updates here; `record_scanner.py`
reads them back. A field's place is its place in the mapping. (JavaScript moves fields named like array indices to the
front; Python does not, and nothing depends on it.)
"""

from collections.abc import Sequence
from itertools import groupby

from syncline_protocol.limits import (
    CLIENT_ID_MAX,
    CLOCK_MAX,
    KEY_BYTES_MAX,
    NESTING_DEPTH_MAX,
    RECORD_BYTES_MAX,
)
from syncline_protocol.update.json_value import write_value
from syncline_protocol.update.record_scanner import RECORD_INFO, RecordStruct
from syncline_protocol.update.writer import write_text, write_varuint


def encode_records(records: Sequence[RecordStruct]) -> bytes:
    """One update with these records: clients in the order of their ids, highest first, as Yjs writes them.

    Raises `ValueError`, naming the record, for what `scan_records` would refuse: clocks of a client that do not follow
    each other, values that are no plain JSON object, a record over its limit.
    """
    sections = [
        list(section)
        for _, section in groupby(
            sorted(records, key=lambda record: (-record.client, record.clock)), key=lambda record: record.client
        )
    ]
    out = bytearray()
    write_varuint(out, len(sections))
    for section in sections:
        _write_section(out, section)
    out.append(0)
    return bytes(out)


def _write_section(out: bytearray, section: Sequence[RecordStruct]) -> None:
    client, clock = section[0].client, section[0].clock
    if not (0 <= client <= CLIENT_ID_MAX and 0 <= clock <= CLOCK_MAX - len(section)):
        raise ValueError(f"client {client} and clock {clock} are out of range")
    if any(record.clock != clock + step for step, record in enumerate(section)):
        raise ValueError(f"the clocks of client {client} do not follow each other from {clock} on")
    write_varuint(out, len(section))
    write_varuint(out, client)
    write_varuint(out, clock)
    for record in section:
        _write_record(out, record)


def _write_record(out: bytearray, record: RecordStruct) -> None:
    start = len(out)
    out += bytes((RECORD_INFO, 1))
    for name in (record.root, record.key):
        if len(name.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"{name[:40]!r}… is longer than {KEY_BYTES_MAX} bytes")
        write_text(out, name)
    out.append(1)
    if not isinstance(record.value, dict):
        raise ValueError(f"record {record.key}: {type(record.value).__name__} is not an object")
    try:
        write_value(out, record.value, NESTING_DEPTH_MAX)
    except ValueError as error:
        raise ValueError(f"record {record.key}: {error}") from error
    if len(out) - start > RECORD_BYTES_MAX:
        raise ValueError(f"record {record.key} has {len(out) - start} bytes: at most {RECORD_BYTES_MAX} are taken")
