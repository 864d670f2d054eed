"""Test vectors: inputs and what comes of them, which an implementation in another language checks itself against."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "vectors"


def read_vectors(name: str) -> Any:
    """The content of `tests/vectors/<name>.json`."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
