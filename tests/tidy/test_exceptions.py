"""A broad `except` stands only at the boundary of a task, with its reason beside it; one that raises on needs none."""

import ast
import re
from collections.abc import Iterator

from support.checkout import text, trees

BROAD = {"Exception", "BaseException"}
REASON = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+)?\W*(?P<reason>.*)")
REASON_CHARACTERS_MIN = 10


def is_broad(node: ast.AST) -> bool:
    """Whether the node catches everything: an `except` clause, or `suppress(Exception)`."""
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as caught):
            return any(isinstance(name, ast.Name) and name.id in BROAD for name in ast.walk(caught))
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=caught):
            return any(isinstance(name, ast.Name) and name.id in BROAD for name in caught)
    return False


def has_reason(node: ast.ExceptHandler | ast.Call, lines: list[str]) -> bool:
    """Whether a comment with words stands on the line, on the one above, or between it and the first statement."""
    last = node.body[0].lineno if isinstance(node, ast.ExceptHandler) else node.lineno
    comments = (REASON.search(line) for line in lines[max(node.lineno - 2, 0) : last])
    return any(comment and len(comment["reason"]) >= REASON_CHARACTERS_MIN for comment in comments)


def raises_on(node: ast.ExceptHandler | ast.Call) -> bool:
    """Whether an `except` clause ends by raising what it caught: it tidies up and hides nothing."""
    return isinstance(node, ast.ExceptHandler) and isinstance(last := node.body[-1], ast.Raise) and last.exc is None


def without_reason(module: ast.Module, content: str) -> Iterator[int]:
    lines = content.splitlines()
    for node in ast.walk(module):
        if not isinstance(node, ast.ExceptHandler | ast.Call) or not is_broad(node) or raises_on(node):
            continue
        if not has_reason(node, lines):
            yield node.lineno


def test_broad_excepts_have_their_reason() -> None:
    assert not [f"{path}:{line}" for path, module in trees() for line in without_reason(module, text(path) or "")]


def test_the_rule_sees_each_form() -> None:
    bare = "try:\n    f()\n{}:{}\n    g()\n"
    for clause in ("except", "except Exception", "except (OSError, BaseException) as error"):
        for comment, allowed in (
            ("", False),
            ("  # noqa: BLE001", False),
            ("  # noqa: BLE001 - one task, one log line", True),
        ):
            source = bare.format(clause, comment)
            assert (not list(without_reason(ast.parse(source), source))) is allowed
    suppressed = "with contextlib.suppress(Exception):\n    f()\n"
    assert list(without_reason(ast.parse(suppressed), suppressed)) == [1]
    tidied = "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"
    assert not list(without_reason(ast.parse(tidied), tidied))
    narrow = bare.format("except OSError", "")
    assert not list(without_reason(ast.parse(narrow), narrow))
