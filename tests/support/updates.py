"""Updates for attacks: made by the grammar of the format, and bent.

Random bytes find nothing in a merge engine; bytes that are nearly right find everything. So an update is written by
the grammar, with ids that exist, and noise decides how often a number, a length or a string is bent on the way.
`UpdateMaker` follows a document by its content index, so it knows what there is to point at.

    maker = UpdateMaker(Random(seed), client=4_300_000_000)
    update = maker.valid()       # what an editor would write next; admitted if everything before was
    update = maker.plausible()   # right in form, ids and clocks that exist, anything anywhere
    update = maker.hostile()     # the same with noise
    update = maker.mutated()     # a valid one, bytes changed
    maker.learn(update)          # it was admitted: it can be pointed at from now on

The seed decides everything. What is made is no secret of ours, but some of it breaks released engines: it goes to our
own scanner and server, and nowhere else.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import pycrdt
from support.edits import KEYS, ROOTS, WORDS, edit_anything
from syncline_protocol.update import ContentIndex, encode_vector, scan_update
from syncline_protocol.update.json_value import (
    ARRAY,
    BIG_INTEGER,
    BYTES,
    FALSE,
    FLOAT32,
    FLOAT64,
    INTEGER,
    NULL,
    OBJECT,
    STRING,
    TRUE,
    UNDEFINED_TAG,
)
from syncline_protocol.update.scanned import Id, Kind, TypeKind
from syncline_protocol.update.scanner import SKIP, SUBDOCUMENT
from syncline_protocol.update.writer import write_varuint

NOISE: Final = 0.04
"""Chance of each number, length, string and tag to be bent in a hostile update."""

HUGE: Final = (*(2**power for power in (24, 27, 28, 31, 32, 53, 63, 70)), 2**31 - 1, 2**32 - 10, 2**53 - 1, 2**64 - 1)

SCALAR_TAGS: Final = (
    *(STRING, STRING, INTEGER, INTEGER, NULL, TRUE, FALSE),
    *(BYTES, BIG_INTEGER, FLOAT64, FLOAT32, UNDEFINED_TAG),
)
TAGS: Final = (*SCALAR_TAGS, ARRAY, OBJECT)

KINDS: Final = (
    *(Kind.COLLECTED, Kind.DELETED, Kind.BINARY, Kind.EMBED, Kind.FORMAT, Kind.TYPE, Kind.TYPE),
    *(Kind.STRING, Kind.STRING, Kind.STRING, Kind.STRING, Kind.VALUES, Kind.VALUES, Kind.VALUES),
)
RARE_KINDS: Final = (int(Kind.JSON), SUBDOCUMENT, SKIP, 11, 31)

TYPES: Final = (*TypeKind, TypeKind.XML_ELEMENT, TypeKind.XML_TEXT)

BAD_TEXTS: Final = (b"", b"\xff", b"\xf0\x9f", b"\xed\xa0\xbd", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\x80")
"""Empty, no UTF-8, half a character, one and two lone surrogates, an overlong one."""

INTEGERS: Final = (b"\0", b"\x05", b"\x41", b"\x40", b"\x80\x01", b"\xbf\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f")
"""Signed varints: small, minus one, minus zero, 64, and large ones of both signs."""

GOOD_JSON: Final = (b"true", b"null", b"1", b"-1.5", b'"red"', b'{"src":"x","n":[1,2]}', b"[]", b'"\xf0\x9f\x98\x80"')

BAD_JSON: Final = (
    *(b"undefined", b"", b"{", b"NaN", b'"\\ud800"', b"1e999", b"9223372036854775808", b'"\xff"'),
    *(b'{"a":1,"a":2}', b"[" * 40 + b"]" * 40),
)
"""Most of it no engine can read, some not every one."""


class Pen:
    """Writes the format's parts, each bent with chance `noise`."""

    def __init__(self, random: Random, noise: float) -> None:
        self.random = random
        self.noise = noise
        self.out = bytearray()

    def slips(self) -> bool:
        """Whether this part is bent."""
        return self.noise > 0 and self.random.random() < self.noise

    def number(self, number: int) -> None:
        """A varint; bent: another number, one out of range, or one not written the shortest way."""
        random = self.random
        if self.slips():
            huge = random.choice(HUGE)
            number = random.choice((0, max(0, number - 1), number + 1, number + huge, huge))
            if random.random() < 0.2:
                write_varuint(self.out, number)
                self.out[-1] |= 0x80
                self.out += b"\x80" * random.choice((0, 0, 1, 9)) + b"\0"
                return
        write_varuint(self.out, number)

    def byte(self, byte: int) -> None:
        """One byte; bent: any."""
        self.out.append(self.random.randrange(256) if self.slips() else byte)

    def text(self, text: str | bytes) -> None:
        """A string with its length; bent: empty, a length that is wrong, or bytes that are no UTF-8."""
        encoded = text.encode() if isinstance(text, str) else text
        if self.slips():
            encoded = self.random.choice((*BAD_TEXTS, encoded[:-1], encoded * 9))
        self.number(len(encoded))
        self.out += encoded

    def id(self, named: Id) -> None:
        """Client and clock."""
        self.number(named[0])
        self.number(named[1])

    def value(self, levels: int = 3) -> None:
        """A plain or not so plain value."""
        random = self.random
        if self.slips():
            deep = random.choice((15, 16, 17, 40, 300, 5000))
            self.out += random.choice((b"\x75\x01", b"\x76\x01\x01a")) * deep + b"\x7e"
            return
        tag = random.choice(TAGS if levels else SCALAR_TAGS)
        self.byte(tag)
        if tag in (BYTES, STRING):
            self.text(random.choice(WORDS))
        elif tag in (ARRAY, OBJECT):
            count = random.randrange(3)
            self.number(count)
            for step in range(count):
                if tag == OBJECT:
                    self.text("__proto__" if self.slips() else f"{random.choice('abc')}{step}")
                self.value(levels - 1)
        elif tag == INTEGER:
            self.out += random.choice(INTEGERS)
        else:
            self.out += random.randbytes({BIG_INTEGER: 8, FLOAT64: 8, FLOAT32: 4}.get(tag, 0))


class UpdateMaker:
    """Makes updates for one document under client ids `client` and a few beside it; see the module's text."""

    def __init__(self, random: Random, *, client: int, index: ContentIndex | None = None) -> None:
        self.random = random
        self.client = client
        self.index = ContentIndex() if index is None else index
        self.editor = client + 1
        """Client id of the editor whose edits are valid; the others write under `client` and those above."""
        self._earlier_updates: list[bytes] = []
        self._editor: pycrdt.Doc[Any] = pycrdt.Doc(client_id=self.editor)

    def any(self) -> bytes:
        """One of all kinds, most of them not valid."""
        kinds: Sequence[Callable[[], bytes]] = (self.valid, self.plausible, self.plausible, self.hostile, self.mutated)
        return self.random.choice(kinds)()

    def learn(self, update: bytes) -> None:
        """Take in what was admitted. Raises `RefusedUpdate` if our own index would not."""
        self.index.admit(scan_update(update), owns=lambda _: True)
        self.remember(update)

    def remember(self, update: bytes) -> None:
        """It may come again, bent."""
        self._earlier_updates.append(update)

    # --- valid --------------------------------------------------------------------------------------------------------

    def valid(self) -> bytes:
        """The next edit of an editor of its own, who never sees what others write."""
        edit_anything(self._editor, self.random)
        return self._editor.get_update(encode_vector({self.editor: self.index.vector.get(self.editor, 0)}))

    def _earlier(self) -> bytes:
        return self.random.choice(self._earlier_updates) if self._earlier_updates else self.valid()

    def mutated(self) -> bytes:
        """A valid, plausible or earlier update with a few bytes changed, doubled, dropped or cut off."""
        random = self.random
        made = random.choice((self.valid, self.plausible, self._earlier))()
        update = bytearray(made)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            at = random.randrange(len(update) + 1)
            change = random.randrange(6)
            if change == 0:
                update[at:at] = random.choice((b"\0", b"\1", b"\x80", b"\xff", random.randbytes(2)))
            elif change == 1:
                del update[at : at + random.choice((1, 1, 2, 5))]
            elif change == 2:
                update[at:at] = update[at : at + random.randrange(1, 12)]
            elif change == 3:
                update = update[:at]
            elif at < len(update):
                update[at] = random.randrange(256) if change == 4 else update[at] ^ (1 << random.randrange(8))
        return bytes(update)

    # --- by the grammar -----------------------------------------------------------------------------------------------

    def plausible(self) -> bytes:
        """Right in form; what it says is chance."""
        return self._update(Pen(self.random, 0))

    def hostile(self) -> bytes:
        """By the grammar, with noise."""
        return self._update(Pen(self.random, NOISE))

    def _update(self, pen: Pen) -> bytes:
        random = self.random
        authors = (self.client, self.client + 2, self.client + 3, 1)
        clients = random.sample(authors, random.choice((0, 1, 1, 1, 1, 2, 3)))
        if clients and pen.slips():
            clients.append(clients[0])
        pen.number(len(clients))
        for client in clients:
            self._section(pen, client)
        self._deletes(pen)
        if pen.slips():
            pen.out += random.randbytes(3)
        return bytes(pen.out)

    def _section(self, pen: Pen, client: int) -> None:
        random = self.random
        count = 0 if pen.slips() else random.choice((1, 1, 1, 2, 3))
        known = self.index.vector.get(client, 0)
        clock = max(0, known - random.choice((0, 0, 0, 0, 0, 0, 1, 2, known)))
        pen.number(count)
        pen.number(client)
        pen.number(clock)
        for _ in range(count):
            self._struct(pen, client, clock)
            clock += 1

    def _struct(self, pen: Pen, client: int, clock: int) -> None:
        random = self.random
        kind = random.choice(RARE_KINDS) if pen.slips() else int(random.choice(KINDS))
        if kind in (Kind.COLLECTED, SKIP):
            pen.byte(kind)
            pen.number(random.choice((1, 1, 2, 5)))
            return
        origin = self._known_id(client, clock) if random.random() < 0.5 else None
        right_origin = self._known_id(client, clock) if random.random() < 0.3 else None
        key = random.choice(KEYS) if random.random() < 0.3 else None
        pen.byte(kind | (origin is not None) << 7 | (right_origin is not None) << 6 | (key is not None) << 5)
        if origin is not None:
            pen.id(origin)
        if right_origin is not None:
            pen.id(right_origin)
        if origin is None and right_origin is None:
            self._parent(pen, client, clock)
            if key is not None:
                pen.text(key)
        self._content(pen, kind)

    def _parent(self, pen: Pen, client: int, clock: int) -> None:
        types = self._types()
        if self.random.random() < 0.4:
            pen.byte(1)
            pen.text(self.random.choice(ROOTS))
        else:
            pen.byte(0)
            pen.id(self.random.choice(types) if types and self.random.random() < 0.9 else self._known_id(client, clock))

    def _content(self, pen: Pen, kind: int) -> None:
        random = self.random
        if kind == Kind.DELETED:
            pen.number(random.choice((1, 1, 2, 7)))
        elif kind in (Kind.JSON, Kind.VALUES):
            count = random.choice((1, 1, 1, 2, 3))
            pen.number(count)
            for _ in range(count):
                pen.text(self._json(pen)) if kind == Kind.JSON else pen.value()
        elif kind == Kind.BINARY:
            pen.text(random.randbytes(random.randrange(4)))
        elif kind == Kind.STRING:
            pen.text("".join(random.choices(WORDS, k=random.choice((1, 1, 2, 4)))))
        elif kind == Kind.EMBED:
            pen.text(self._json(pen))
        elif kind == Kind.FORMAT:
            pen.text(random.choice(("bold", "color", "")))
            pen.text(self._json(pen))
        elif kind == Kind.TYPE:
            shared = random.choice(TYPES)
            pen.byte(shared)
            if shared in (TypeKind.XML_ELEMENT, TypeKind.XML_HOOK):
                pen.text(random.choice(("p", "标题")))
        else:
            pen.text("guid")
            pen.value()

    def _json(self, pen: Pen) -> bytes:
        return self.random.choice(BAD_JSON if pen.slips() else GOOD_JSON)

    def _deletes(self, pen: Pen) -> None:
        random = self.random
        clients = [client for client in self.index.vector if random.random() < 0.2][:3]
        pen.number(len(clients))
        for client in clients:
            end = self.index.vector[client]
            cuts = sorted(random.sample(range(end + 1), min(end + 1, random.choice((2, 2, 2, 4)))))
            ranges = list(zip(cuts[0::2], cuts[1::2], strict=False))
            if pen.slips():
                random.shuffle(ranges)
            pen.number(client)
            pen.number(len(ranges))
            for start, stop in ranges:
                pen.number(start)
                pen.number(stop - start)

    def _known_id(self, client: int, clock: int) -> Id:
        """Something known, or the writer's own last unit."""
        random = self.random
        vector = self.index.vector
        if clock and random.random() < 0.4:
            return client, clock - 1
        if not vector:
            return client, 0
        other = random.choice(list(vector))
        return other, max(0, vector[other] - 1 - int(random.expovariate(0.15)))

    def _types(self) -> list[Id]:
        runs = self.index.state.runs
        return [(client, clock) for client in runs for clock in list(runs[client].types)[-8:]]
