"""Real messages as Yjs updates: the same bytes for every server, since an update is an update.

First on the load's way: `RECORDS → dialect → socket → server`. Each record is one update that adds one key to the root
map `messages`, as Syncline's devices write it and as any Yjs client would with `map.set(id, record)`.
"""

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import uuid_utils
from syncline_protocol.clock import at_from_ms
from syncline_protocol.update import RecordStruct, encode_records

SAMPLES: Final = Path(__file__).resolve().parents[2] / "samples" / "dialogues.json"

ROOT: Final = "messages"
USER: Final = "benchmark.agent"

MARKER: Final = b"device-of-benchmark-"
"""In the `device` of every record and nowhere else: as often as it occurs in what came, so many records came."""

RECORD_ID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Record(NamedTuple):
    """One record: its id, and the update that adds it."""

    id: bytes
    update: bytes


def device_name(number: int) -> str:
    """The name of the load's device `number`. All names are equally long, so that no server's messages are longer."""
    return f"{MARKER.decode()}{number:05d}"


def read_texts(path: Path) -> list[str]:
    """The texts of all messages in a file of dialogues (its format: samples/README.md)."""
    dialogues = json.loads(path.read_text(encoding="utf-8"))["dialogues"]
    return [message["text"] for dialogue in dialogues for message in dialogue["messages"]]


class Writer:
    """Writes records as one device does: under its own client id, clock after clock from 0."""

    def __init__(self, client: int, device: str, texts: list[str], *, start: int = 0) -> None:
        self._client = client
        self._device = device
        self._texts = itertools.cycle(texts[start % len(texts) :] + texts[: start % len(texts)])
        self._clock = 0
        self._at = at_from_ms(time.time_ns() // 1_000_000)

    @property
    def clock(self) -> int:
        """How many records it has written: the next clock of its client id."""
        return self._clock

    def write(self, count: int) -> Iterator[Record]:
        """The next `count` records, one update each."""
        return (self._write_one() for _ in range(count))

    def _write_one(self) -> Record:
        id_ = str(uuid_utils.uuid7())
        self._at += 1
        value = {
            "id": id_,
            "by": USER,
            "device": self._device,
            "at": self._at,
            "type": "text",
            "text": next(self._texts),
        }
        update = encode_records([RecordStruct(self._client, self._clock, ROOT, id_, value)])
        self._clock += 1
        return Record(id_.encode(), update)


def ids_in(received: bytes) -> set[bytes]:
    """The ids of all records in what a device received."""
    return set(RECORD_ID.findall(received))
