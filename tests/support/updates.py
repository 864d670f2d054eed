"""Updates for attacks: made by the grammar of the format, and bent.

Random bytes find nothing in a merge engine; bytes that are nearly right find everything. So an update is written by the
grammar, with ids that exist, and noise decides how often a number, a length or a string is bent on the way. `UpdateMaker`
follows a document by its content index, so it knows what there is to point at.

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
from syncline_protocol.update import ContentIndex, encode_vector, scan_update
from syncline_protocol.update.scanned import Id
from syncline_protocol.update.writer import write_varuint

ROOTS: Final = ("t", "rich", "list", "m", "x")
KEYS: Final = ("k", "a", "键", "")
WORDS: Final = ("x", "hello ", "你好", "é", "😀", "👨‍👩‍👧", "🇨🇳", "\0", "𠮷", "e\u0301", "a😀b😀", "\n")

NOISE: Final = 0.04
"""Chance of each number, length, string and tag to be bent in a hostile update."""

HUGE: Final = (
    2**24,
    2**27,
    2**28,
    2**31 - 1,
    2**31,
    2**32 - 10,
    2**32 - 1,
    2**32,
    2**53 - 1,
    2**53,
    2**63,
    2**64 - 1,
    2**70,
)

JSON_TEXTS: Final = (
    b"true", b"null", b"1", b"-1.5", b'"red"', b'{"src":"x","n":[1,2]}', b"[]", b'"\xf0\x9f\x98\x80"', b"undefined", b"",
    b"{", b"NaN", b'"\\ud800"', b"1e999", b"9223372036854775808", b'{"a":1,"a":2}', b"[" * 40 + b"]" * 40, b'"\xff"',
)  # fmt: skip
"""Some of them no engine can read."""

GOOD_JSON_TEXTS: Final = JSON_TEXTS[:8]


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
            number = random.choice(
                (0, max(0, number - 1), number + 1, number + random.choice(HUGE), random.choice(HUGE))
            )
            if random.random() < 0.2:
                at = len(self.out)
                write_varuint(self.out, number)
                self.out[-1] |= 0x80
                self.out += b"\x80" * random.choice((0, 0, 1, 9)) + b"\0"
                assert len(self.out) > at + 1
                return
        write_varuint(self.out, max(0, number))

    def byte(self, byte: int) -> None:
        """One byte; bent: any."""
        self.out.append(self.random.randrange(256) if self.slips() else byte)

    def text(self, text: str | bytes) -> None:
        """A string with its length; bent: empty, a length that is wrong, or bytes that are no UTF-8."""
        encoded = text.encode() if isinstance(text, str) else text
        if self.slips():
            encoded = self.random.choice(
                (
                    b"",
                    b"\xff",
                    b"\xf0\x9f",
                    b"\xed\xa0\xbd",
                    b"\xed\xa0\xbd\xed\xb8\x80",
                    b"\xc0\x80",
                    encoded[:-1],
                    encoded * 9,
                )
            )
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
        tag = random.choice(b"\x74\x75\x76\x77\x77\x78\x79\x7a\x7b\x7c\x7d\x7d\x7e\x7f")
        if levels == 0 and tag in b"\x75\x76":
            tag = 0x7D
        self.byte(tag)
        if tag in b"\x74\x77":
            self.text(random.choice(WORDS))
        elif tag in b"\x75\x76":
            count = random.randrange(3)
            self.number(count)
            for step in range(count):
                if tag == 0x76:
                    self.text(random.choice(("a", "b", "__proto__" if self.slips() else "c")) + str(step))
                self.value(levels - 1)
        elif tag == 0x7D:
            self.out += random.choice(
                (b"\0", b"\x05", b"\x41", b"\x40", b"\x80\x01", b"\xbf\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f")
            )
        else:
            self.out += random.randbytes({0x7A: 8, 0x7B: 8, 0x7C: 4}.get(tag, 0))


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
        clients = random.sample(
            (self.client, self.client + 2, self.client + 3, 1), random.choice((0, 1, 1, 1, 1, 2, 3))
        )
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
        kind = random.choice(
            (0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 7, 8, 8, 8, 10 if pen.slips() else 4, 9 if pen.slips() else 4)
        )
        if kind in (0, 10):
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
        if kind == 1:
            pen.number(random.choice((1, 1, 2, 7)))
        elif kind in (2, 8):
            count = random.choice((1, 1, 1, 2, 3))
            pen.number(count)
            for _ in range(count):
                pen.text(self._json(pen)) if kind == 2 else pen.value()
        elif kind == 3:
            pen.text(random.randbytes(random.randrange(4)))
        elif kind == 4:
            pen.text("".join(random.choices(WORDS, k=random.choice((1, 1, 2, 4)))))
        elif kind == 5:
            pen.text(self._json(pen))
        elif kind == 6:
            pen.text(random.choice(("bold", "color", "")))
            pen.text(self._json(pen))
        elif kind == 7:
            shared = random.choice((0, 1, 2, 3, 3, 4, 5, 6, 6))
            pen.byte(shared)
            if shared in (3, 5):
                pen.text(random.choice(("p", "标题")))
        else:
            pen.text("guid")
            pen.value()

    def _json(self, pen: Pen) -> bytes:
        return self.random.choice(JSON_TEXTS if pen.slips() or pen.slips() else GOOD_JSON_TEXTS)

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


# --- edits by pycrdt ----------------------------------------------------------------------------------------------------


ROOT_KINDS: Final = {"t": "text", "rich": "text", "list": "array", "m": "map", "x": "xml"}


def edit_anything(doc: "pycrdt.Doc[Any]", random: Random) -> None:
    """One edit of one of `ROOTS`."""
    root = random.choice(ROOTS)
    edit(doc, random, root, ROOT_KINDS[root])


def edit(doc: "pycrdt.Doc[Any]", random: Random, root: str, kind: str) -> None:
    """One edit of a root that is a `text`, `array`, `map` or `xml`."""
    if kind == "text":
        _edit_text(doc.get(root, type=pycrdt.Text), random)
    elif kind == "array":
        _edit_array(doc.get(root, type=pycrdt.Array), random)
    elif kind == "map":
        _edit_map(doc.get(root, type=pycrdt.Map), random)
    else:
        _edit_xml(doc.get(root, type=pycrdt.XmlFragment), random)


def _edit_array(array: "pycrdt.Array[Any]", random: Random) -> None:
    if len(array) and random.random() < 0.3:
        del array[random.randrange(len(array))]
    else:
        new = random.choice((1, "s", None, [1, {"a": "你"}], pycrdt.Text("in"), pycrdt.Map({"k": 1}), b"\1"))
        array.insert(random.randrange(len(array) + 1), new)


def _edit_map(mapping: "pycrdt.Map[Any]", random: Random) -> None:
    key = random.choice(KEYS)
    if key in mapping and random.random() < 0.3:
        del mapping[key]
    else:
        mapping[key] = random.choice((1, "v", [True], pycrdt.Array([1, "x"]), pycrdt.Text("in 😀")))


def _edit_text(text: pycrdt.Text, random: Random) -> None:
    cuts = [0]
    for content, _ in text.diff():
        for part in content if isinstance(content, str) else "-":
            cuts.append(cuts[-1] + len(part.encode()))
    if cuts[-1] != len(text):  # an embed that is a string looks like text
        cuts = [0, len(text)]
    start = random.randrange(len(cuts))
    end = min(start + random.randrange(1, 4), len(cuts) - 1)
    choice = random.random()
    if choice < 0.6 or start == end:
        text.insert(cuts[start], random.choice(WORDS))
    elif choice < 0.8:
        del text[cuts[start] : cuts[end]]
    elif random.random() < 0.8:
        text.format(cuts[start], cuts[end], {random.choice(("bold", "em")): random.choice((True, None))})
    else:
        text.insert_embed(cuts[start], {"image": 1})


def _edit_xml(fragment: pycrdt.XmlFragment, random: Random) -> None:
    children = fragment.children
    if len(children) and random.random() < 0.3:
        del children[random.randrange(len(children))]
    elif len(children) and random.random() < 0.4:
        child = children[random.randrange(len(children))]
        if isinstance(child, pycrdt.XmlElement):
            child.attributes["level"] = random.choice(("1", "2"))
        else:
            child.insert(0, random.choice(WORDS))
    else:
        new = pycrdt.XmlElement("p", {"a": "1"}, [pycrdt.XmlText("para")])
        children.insert(random.randrange(len(children) + 1), random.choice((new, pycrdt.XmlText("你"))))
