"""Conversations with their labels: MultiDoGO's software dialogues, and the Chinese after-sales
dialogues.

**Issue type of a MultiDoGO conversation** (its turns have intents, it has none itself): the first intent of the six of
the domain that any of its turns is labelled with. A turn with two of them counts for the one named first. Without any,
the conversation is labelled out of domain if one of its turns is, and otherwise not labelled at all.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from syncline_protocol.extraction import Said

INTENTS: Final = (
    "reportbrokensoftware",
    "softwareupdate",
    "checkserverstatus",
    "expensereport",
    "startorder",
    "changeorder",
)
"""The six of the domain; issue types of the shipped rules are called the same."""

OUT_OF_DOMAIN: Final = "outofdomain"

FIELD_OF_SLOT: Final[Mapping[str, str]] = {
    "name": "customer",
    "company_name": "company",
    "account_number": "account_number",
    "software_name": "product",
    "item_name": "product",
    "item_code": "model",
    "quantity": "quantity",
    "cost": "amount",
    "order_number": "order_number",
}
"""Slots that are fields here. The slot `password` is not extracted, on purpose; `address`, `date`, `expense_type`,
`frequency` are no fields.
"""

COUNTED: Final = frozenset({"amount", "quantity"})
"""Labelled with or without their unit ("90 dollars"): the number counts."""

_NOT_A_DIGIT: Final = re.compile(r"[^0-9]")
CHINESE: Final = Path(__file__).resolve().parents[2] / "tests/data/zh_after_sales.json"
READ_ANEW: Final = CHINESE.with_name("multidogo_dev_read.json")
_SIGNS: Final = re.compile(r"[\W_]+")


class Labelled(NamedTuple):
    """A conversation and its labels. `issue_type` is None where nobody gave one; `issue_types` are all that any turn
    has.

    `read_as`: its issue type, where it has been read anew. `values`: by field, the values as they are
    compared, see `comparable`; `symptom`: the message that says what is wrong.
    """

    id: str
    said: tuple[Said, ...]
    issue_type: str | None
    issue_types: frozenset[str]
    values: Mapping[str, frozenset[str]]
    symptom: str | None = None
    read_as: str | None = None


def comparable(value: str) -> str:
    """A value without its spaces, signs and case."""
    return _SIGNS.sub("", value).lower()


def multidogo(path: Path) -> list[Labelled]:
    """The conversations of a file of MultiDoGO, the customers' turns only: the others were not published."""
    turns: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["conversationId"] and row["utterance"]:
                turns[row["conversationId"]].append(row)
    read = json.loads(READ_ANEW.read_text(encoding="utf-8"))["conversations"]
    return [_conversation(name, rows, read.get(name)) for name, rows in turns.items()]


def _conversation(name: str, rows: list[dict[str, Any]], read: str | None) -> Labelled:
    labels = [label for row in rows for label in (row["intent"] or "").split("<div>")]
    intents = [label for label in labels if label in INTENTS]
    values: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for slot, value in _slots(row["utterance"], row["slot-labels"] or ""):
            if slot in FIELD_OF_SLOT:
                field = FIELD_OF_SLOT[slot]
                values[field].add(_NOT_A_DIGIT.sub("", value) if field in COUNTED else comparable(value))
    return Labelled(
        id=name,
        said=tuple(Said(row["utteranceId"], "customer", row["utterance"], is_customer=True) for row in rows),
        issue_type=intents[0] if intents else OUT_OF_DOMAIN if OUT_OF_DOMAIN in labels else None,
        issue_types=frozenset(intents),
        values={field: frozenset(found) for field, found in values.items()},
        read_as=intents[0] if intents else read,
    )


def _slots(utterance: str, labels: str) -> Iterator[tuple[str, str]]:
    """Neighbouring words with one label are one value."""
    slot, words = "O", [""]
    for word, label in zip((*utterance.split(), ""), (*labels.split(), "O"), strict=False):
        if label != slot:
            if slot != "O":
                yield slot, " ".join(words)
            slot, words = label, []
        words.append(word)


def chinese(part: str) -> list[Labelled]:
    """The Chinese dialogues of the set `part`: `development` or `evaluation`."""
    content = json.loads(CHINESE.read_text(encoding="utf-8"))
    return [_dialogue(one) for one in content["dialogues"] if one["set"] == part]


def _dialogue(one: Mapping[str, Any]) -> Labelled:
    said = tuple(
        Said(str(number), message["by"], message["text"], is_customer=message["by"] == "customer")
        for number, message in enumerate(one["messages"])
    )
    values = {field: frozenset({comparable(value)}) for field, value in one["fields"].items()}
    symptom = str(one["symptom"]) if "symptom" in one else None
    issue_type = one["issue_type"]
    return Labelled(one["id"], said, issue_type, frozenset({issue_type}), values, symptom, issue_type)
