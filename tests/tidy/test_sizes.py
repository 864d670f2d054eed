"""Small things: files, functions and nesting stay within the limits of the style page."""

import ast
from collections.abc import Iterator

from support.checkout import files, is_test, text, trees

SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
NESTING_MAX = 4

CODE = {".py", ".ts", ".tsx", ".js", ".mjs"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_elif(block: ast.AST, parent: ast.AST) -> bool:
    return isinstance(block, ast.If) and isinstance(parent, ast.If) and parent.orelse == [block]


def nesting(node: ast.AST) -> int:
    """How many blocks lie within each other below `node`; `elif` is no deeper than its `if`, a function starts anew."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        here = 1 if isinstance(child, BLOCKS) and not is_elif(child, node) else 0
        deepest = max(deepest, here + nesting(child))
    return deepest


def test_files_are_short() -> None:
    long = [
        f"{path}: {count} lines"
        for path in files()
        if path.suffix in CODE
        and (count := (text(path) or "").count("\n")) > (TEST_LINES_MAX if is_test(path) else SOURCE_LINES_MAX)
    ]
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{path}:{function.lineno}: {function.name} has {lines(function)} lines"
        for path, module in trees()
        for function in functions(module)
        if lines(function) > FUNCTION_LINES_MAX
    ]
    assert not long


def test_functions_are_flat() -> None:
    deep = [
        f"{path}:{function.lineno}: {function.name} is {nesting(function)} blocks deep"
        for path, module in trees()
        for function in functions(module)
        if nesting(function) > NESTING_MAX
    ]
    assert not deep


def test_nesting_counts_blocks_within_blocks() -> None:
    module = ast.parse(
        "def f(x):\n"
        "    for y in x:\n"
        "        if y:\n"
        "            pass\n"
        "        elif x:\n"
        "            with y:\n"
        "                def g():\n"
        "                    while True:\n"
        "                        pass\n"
    )
    outer, inner = functions(module)
    assert (nesting(outer), nesting(inner)) == (3, 1)
    assert (lines(outer), lines(inner)) == (9, 3)
