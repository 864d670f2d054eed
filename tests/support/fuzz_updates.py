"""Sends made-up updates through scanner and content index into a real engine, and looks whether that survives.

    cd tests && python -m support.fuzz_updates --cases 1000000 [--seed 1]

Sessions of `CASES_PER_SESSION` cases run in a child process with limited memory, in which what is freed is overwritten;
each session is one seed, one document. The parent watches: a child that dies or is silent for `SILENCE_S_MAX` is an
anomaly of the session it was at, and the next child goes on behind it. What must hold of every admitted update:

1. the engine applies it, whole: its state vector is the index's;
2. every root reads; the document is encoded, read back, and read again;
3. a device that has read it back can edit it;
4. its snapshot is admitted as a whole, and so is a replay of all updates in one transaction.

A document that shows its parts in another order after being read back is counted apart (`order`): an author who forges
origins can bring it about, and rule 5 of `integration.py` sees only some of that.
"""

import argparse
import json
import os
import resource
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pycrdt
from support.edits import edit
from support.updates import UpdateMaker
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.update import (
    ContentIndex,
    RootKind,
    encode_vector,
    root_kinds,
    scan_records,
    scan_update,
    scan_vector,
)

TESTS: Final = Path(__file__).resolve().parents[1]
CASES_PER_SESSION: Final = 40
SESSIONS_PER_CHILD: Final = 250
MEMORY_BYTES_MAX: Final = 2 * 1024**3
SILENCE_S_MAX: Final = 20.0
CLIENT: Final = 4_300_000_000

TYPES: Final[dict[RootKind, Any]] = {
    RootKind.TEXT: pycrdt.Text,
    RootKind.ARRAY: pycrdt.Array,
    RootKind.MAP: pycrdt.Map,
    RootKind.XML: pycrdt.XmlFragment,
}

PLAIN: Final = str | int | float | bool | bytes | bytearray | None


class Anomaly(Exception):
    """Something that must hold does not."""


def show(doc: "pycrdt.Doc[Any]", kinds: dict[str, RootKind]) -> dict[str, str]:
    """Every root as text, read as what it is."""
    return {name: repr(plain(doc.get(name, type=TYPES[kind]))) for name, kind in kinds.items()}


def plain(value: Any) -> Any:
    """A shared type or value, with fields in the order of their names, which an engine does not keep."""
    if isinstance(value, pycrdt.Text):
        return [(plain(content), plain(marks)) for content, marks in value.diff()]
    if isinstance(value, pycrdt.Array | list):
        return [plain(item) for item in value]
    if isinstance(value, pycrdt.Map):
        return [(key, plain(value[key])) for key in sorted(value.keys())]
    if isinstance(value, dict):
        return [(key, plain(value[key])) for key in sorted(value)]
    if isinstance(value, pycrdt.XmlFragment):
        return [plain(child) for child in value.children]
    if isinstance(value, pycrdt.XmlElement):
        view: Any = value.attributes  # its iterator is annotated wrongly
        attributes = sorted((name, plain(one)) for name, one in view)
        return value.tag, attributes, [plain(child) for child in value.children]
    if isinstance(value, pycrdt.XmlText):
        return [(plain(content), plain(marks)) for content, marks in value.diff()]
    return value if isinstance(value, PLAIN) else type(value).__name__  # a shared type as an XML attribute


class Session:
    """One document under attack."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.counts: Counter[str] = Counter()
        self.index = ContentIndex()
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=77)
        self.maker = UpdateMaker(self.random, client=CLIENT, index=self.index)
        self.admitted: list[bytes] = []

    def run(self) -> None:
        """All cases; raises `Anomaly`, or whatever the engine raises."""
        for _ in range(CASES_PER_SESSION):
            update = self.maker.any()
            self.counts["cases"] += 1
            self.scan_as_records(update)
            try:
                self.index.admit(scan_update(update), owns=lambda _: True)
            except RefusedUpdate as refusal:
                self.counts[refusal.code.value] += 1
                continue
            self.counts["admitted"] += 1
            self.admitted.append(update)
            self.maker.remember(update)
            self.doc.apply_update(update)
            self.check()
        self.replay()
        self.attack_vector()

    def scan_as_records(self, update: bytes) -> None:
        """The other language takes it or refuses it, and nothing else."""
        try:
            self.counts["records"] += len(scan_records(update))
        except RefusedUpdate:
            self.counts["no records"] += 1

    def check(self) -> None:
        """What must hold after an admitted update."""
        if scan_vector(self.doc.get_state()) != self.index.vector:
            raise Anomaly("the engine's vector is not the index's")
        kinds = root_kinds(self.index)
        live = show(self.doc, kinds)
        snapshot = self.doc.get_update()
        again = ContentIndex.from_update(snapshot)
        if again.vector != self.index.vector:
            raise Anomaly("the snapshot's vector is not the index's")
        copy: pycrdt.Doc[Any] = pycrdt.Doc(client_id=78)
        copy.apply_update(snapshot)
        if show(copy, kinds) != live:
            self.counts["order"] += 1
        for _ in range(2):
            edit_roots(copy, kinds, self.random)
        copy.get_update()

    def replay(self) -> None:
        """Compaction: everything in one transaction."""
        kinds = root_kinds(self.index)
        copy: pycrdt.Doc[Any] = pycrdt.Doc(client_id=79)
        with copy.transaction():
            for update in self.admitted:
                copy.apply_update(update)
        if scan_vector(copy.get_state()) != self.index.vector:
            raise Anomaly("the replay's vector is not the index's")
        if show(copy, kinds) != show(self.doc, kinds):
            self.counts["order"] += 1

    def attack_vector(self) -> None:
        """A state vector that passed is harmless to the engine."""
        vector = bytearray(encode_vector(self.index.vector))
        for _ in range(self.random.randrange(3)):
            vector[self.random.randrange(len(vector))] = self.random.randrange(256)
        try:
            scan_vector(bytes(vector))
        except RefusedUpdate:
            return
        self.doc.get_update(bytes(vector))


def edit_roots(doc: "pycrdt.Doc[Any]", kinds: dict[str, RootKind], random: Random) -> None:
    """Edit one root, as what it is."""
    if kinds:
        name = random.choice(list(kinds))
        edit(doc, random, name, kinds[name].value)


# --- child ----------------------------------------------------------------------------------------------------------


def run_sessions(first: int, count: int) -> None:
    """The child: says which session it begins, then what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    for seed in range(first, first + count):
        say({"begin": seed})
        session = Session(seed)
        try:
            session.run()
        except BaseException as error:  # noqa: BLE001 - an engine's panic is no Exception, and what we look for
            say({"anomaly": f"{type(error).__name__}: {error}"})
        say({"counts": session.counts})


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


# --- parent ---------------------------------------------------------------------------------------------------------


class Report:
    """What all sessions came to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.anomalies: list[str] = []


def fuzz(cases: int, *, seed: int = 1) -> Report:
    """Run at least `cases` cases, in sessions from `seed` on."""
    report = Report()
    next_seed, end = seed, seed + -(-cases // CASES_PER_SESSION)
    while next_seed < end:
        next_seed = _run_child(next_seed, min(SESSIONS_PER_CHILD, end - next_seed), report)
    return report


def _run_child(first: int, count: int, report: Report) -> int:
    """Run a child; returns the session to go on with. (An anomaly comes again with its session's seed.)"""
    command = [sys.executable, "-m", "support.fuzz_updates", "--child", str(first), str(count)]
    at = first
    environment = {**os.environ, "MALLOC_PERTURB_": "165", "RUST_BACKTRACE": "0"}  # what is freed does not look alive
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=TESTS
    ) as child:
        for line in _lines(child):
            if "begin" in line:
                at = line["begin"]
            elif "anomaly" in line:
                report.anomalies.append(f"session {at}: {line['anomaly']}")
            else:
                report.counts.update(line["counts"])
        is_silent = child.poll() is None and not _ends(child)
        if is_silent:
            child.kill()
    if child.returncode == 0:
        return first + count
    report.anomalies.append(f"session {at}: the child {'hung' if is_silent else f'died with {child.returncode}'}")
    return at + 1


def _lines(child: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """What the child says, until it ends or is silent for too long."""
    assert child.stdout is not None
    while select.select([child.stdout], [], [], SILENCE_S_MAX)[0]:
        line = child.stdout.readline()
        if not line:
            return
        yield json.loads(line)


def _ends(child: "subprocess.Popen[str]") -> bool:
    try:
        child.wait(1)
    except subprocess.TimeoutExpired:
        return False
    return True


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=int, nargs=2, metavar=("FIRST", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_sessions(*options.child)
        return
    report = fuzz(options.cases, seed=options.seed)
    print(dict(sorted(report.counts.items())))  # noqa: T201 - a script's result
    print(f"{len(report.anomalies)} anomalies", *report.anomalies, sep="\n")  # noqa: T201
    sys.exit(bool(report.anomalies))


if __name__ == "__main__":
    main()
