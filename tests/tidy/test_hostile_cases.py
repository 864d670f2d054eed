"""Updates that break released merge engines stay out of the repository until those are mended upstream.

They are kept beside the checkout (`../shared/data/hostile-cases.json`). Where they are not, the search itself is still
tested, with a case made up here.
"""

import ast
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from support.checkout import ROOT, text, texts, trees

CASES = ROOT.parent / "shared" / "data" / "hostile-cases.json"

HEX = re.compile(r"[0-9a-fA-F]{10,}")
HEX_WHOLE_MAX = 28
"""Up to so many digits a case may turn up by accident within a longer run, and only counts as a run of its own."""


def hex_in(value: object) -> Iterator[str]:
    """Every run of at least five bytes in hex, anywhere in a JSON value."""
    match value:
        case str():
            yield from (run.lower() for run in HEX.findall(value) if len(run) % 2 == 0)
        case list():
            for item in value:
                yield from hex_in(item)
        case dict():
            for item in value.values():
                yield from hex_in(item)


def cases() -> set[str]:
    return set(hex_in(json.loads(CASES.read_text(encoding="utf-8")))) if CASES.exists() else set()


def occurs(case: str, content: str) -> bool:
    """Whether the case is in the text, as hex or as base64."""
    if base64.b64encode(bytes.fromhex(case)).decode().rstrip("=") in content and len(case) > HEX_WHOLE_MAX:
        return True
    runs = (run.lower() for run in HEX.findall(content))
    return any(run == case or (len(case) > HEX_WHOLE_MAX and case in run) for run in runs)


def byte_strings(module: ast.Module) -> Iterator[str]:
    """The bytes literals of a module, in hex."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            yield node.value.hex()


def test_no_hostile_case_is_in_the_repository() -> None:
    known = cases()
    assert not {path for path, content in texts() for case in known if occurs(case, content)}
    assert not {path for path, module in trees() for literal in byte_strings(module) if literal in known}


def test_the_search_finds_each_form() -> None:
    long = bytes(range(40)).hex()
    assert occurs(long, f"data = '{long.upper()}'")
    assert occurs(long, f"x ff{long}ff")
    assert occurs(long, base64.b64encode(bytes(range(40))).decode())
    assert occurs("0102030405", "update: 0102030405,")
    assert not occurs("0102030405", "update: ff0102030405")
    assert list(byte_strings(ast.parse(r"x = b'\x01\x02'"))) == ["0102"]
    assert list(hex_in({"a": ["0102030405 + 3*0a0b0c0d0e"]})) == ["0102030405", "0a0b0c0d0e"]


def test_this_page_is_searched_too() -> None:
    assert text(Path("tests/tidy/test_hostile_cases.py"))
