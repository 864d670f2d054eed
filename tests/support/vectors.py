"""Test vectors: inputs and what comes of them, which an implementation in another language checks itself against."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

FOLDER: Final = Path(__file__).parents[1] / "vectors"


def read_vectors(name: str) -> Any:
    """The content of `tests/vectors/<name>.json`."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def as_json(value: object) -> Any:
    """A read model as the vectors have it."""
    return msgspec.json.decode(msgspec.json.encode(value))
