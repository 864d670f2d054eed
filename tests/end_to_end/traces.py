"""Histories of a text that several people wrote at once, as the updates their editors would send.

A history is a list of transactions, each on top of the merge of its parents (the format of `friendsforever.json.gz`,
one of josephg's editing-traces). A shadow document for each writer stands at exactly that merge when the transaction
is applied: what it emits is what a real editor emits there.
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pycrdt
from syncline_protocol.update import scan_vector

ROOT: Final = "text"
WORDS: Final = ("the ", "wifi ", "今天", "断了", "😀", "👨‍👩‍👧", "é", "a", " ", "\n")


class Transaction(NamedTuple):
    """One edit: by whom, on what, and its patches (position in code points, code points deleted, text inserted)."""

    agent: int
    parents: Sequence[int]
    patches: Sequence[tuple[int, int, str]]


class Trace(NamedTuple):
    """A history and the text it ends with."""

    transactions: Sequence[Transaction]
    end: str


class Edit(NamedTuple):
    """A transaction as its writer's editor sends it. `needs`: the next clock of each client in what it builds on."""

    agent: int
    update: bytes
    needs: dict[int, int]


def read_trace(path: Path) -> Trace:
    """A trace from its file."""
    content = json.loads(gzip.decompress(path.read_bytes()))
    transactions = [
        Transaction(one["agent"], one["parents"], [(at, deleted, text) for at, deleted, text in one["patches"]])
        for one in content["txns"]
    ]
    return Trace(transactions, content["endContent"])


def made_trace(seed: int, count: int, *, agents: int = 2) -> Trace:
    """A history by a grammar: writers go on by themselves for a while, then see what the other wrote."""
    random = Random(seed)
    transactions: list[Transaction] = []
    shadows = Shadows(range(1, agents + 1))
    last: list[int | None] = [None] * agents
    for index in range(count):
        agent = random.randrange(agents)
        own, other = last[agent], last[agent - 1]
        parents = [own] if own is not None else []
        if other is not None and random.random() < 0.2:
            parents.append(other)
        text = shadows.text_at(agent, parents)
        at = random.randint(0, len(text))
        deleted = random.randint(0, min(4, len(text) - at)) if random.random() < 0.3 else 0
        transaction = Transaction(agent, parents, [(at, deleted, random.choice(WORDS))])
        shadows.apply(transaction)
        transactions.append(transaction)
        last[agent] = index
    return Trace(transactions, shadows.end())


class Shadows:
    """One document for each writer, always at the version its writer has; `clients` are the ids they write under."""

    def __init__(self, clients: Sequence[int]) -> None:
        self._docs = [pycrdt.Doc[Any](client_id=client) for client in clients]
        self._texts = [doc.get(ROOT, type=pycrdt.Text) for doc in self._docs]
        self._updates: list[list[bytes]] = [[] for _ in clients]
        self._seen = [[0] * len(clients) for _ in clients]
        self._versions: list[tuple[int, ...]] = []
        """Of every transaction: how many edits of each writer it and all before it are."""

    def text_at(self, agent: int, parents: Sequence[int]) -> str:
        """The text that a transaction of `agent` with these parents is applied to."""
        self._merge(agent, parents)
        return str(self._texts[agent])

    def apply(self, transaction: Transaction) -> Edit:
        """Apply a transaction; all its parents must have been."""
        agent = transaction.agent
        self._merge(agent, transaction.parents)
        doc, text = self._docs[agent], self._texts[agent]
        needs = scan_vector(doc.get_state())
        sent: list[bytes] = []
        subscription = doc.observe(lambda event: sent.append(bytes(event.update)))
        with doc.transaction():
            for at, deleted, inserted in transaction.patches:
                patch(text, at, deleted, inserted)
        doc.unobserve(subscription)
        (update,) = sent
        self._updates[agent].append(update)
        self._seen[agent][agent] += 1
        self._versions.append(tuple(self._seen[agent]))
        return Edit(agent, update, needs)

    def _merge(self, agent: int, parents: Sequence[int]) -> None:
        seen = self._seen[agent]
        for writer in range(len(self._docs)):
            needed = max((self._versions[parent][writer] for parent in parents), default=0)
            assert writer != agent or needed == seen[writer], "a writer's own edits follow each other"
            for update in self._updates[writer][seen[writer] : needed]:
                self._docs[agent].apply_update(update)
            seen[writer] = max(seen[writer], needed)

    def vector(self) -> dict[int, int]:
        """The next clock of each client when everybody has everything."""
        return {
            client: clock
            for doc in self._docs
            for client, clock in scan_vector(doc.get_state()).items()
            if client == doc.client_id
        }

    def end(self) -> str:
        """The text when everybody has everything."""
        whole = pycrdt.Doc[Any]()
        for updates in self._updates:
            for update in updates:
                whole.apply_update(update)
        return str(whole.get(ROOT, type=pycrdt.Text))


def patch(text: pycrdt.Text, at: int, deleted: int, inserted: str) -> None:
    """One patch. The engine counts UTF-8 bytes, the trace code points."""
    content = str(text)
    if content.isascii():
        start, end = at, at + deleted
    else:
        start, end = len(content[:at].encode()), len(content[: at + deleted].encode())
    if end > start:
        del text[start:end]
    if inserted:
        text.insert(start, inserted)
