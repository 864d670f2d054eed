"""Stock Yjs in Node, for what tests hold against it. The scripts are in tests/interop, where `npm install` was run."""

import json
import subprocess
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

FOLDER: Final = Path(__file__).resolve().parents[1] / "interop"
NODE_S_MAX: Final = 100.0


class Node:
    """A script that answers each line of JSON with one of its own. A context manager."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._process = subprocess.Popen(
            ["node", script],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: Any) -> Any:
        """The script's answer. Raises `RuntimeError` with what Node says when there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(_failure(self._script, self._process.communicate()[1]))
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def histories(first: int, count: int, steps: int) -> tuple[dict[str, Any], ...]:
    """Histories of stock editors, one for each seed from `first` on; see histories.mjs."""
    command = ["node", "histories.mjs", str(first), str(count), str(steps)]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=NODE_S_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(_failure("histories.mjs", done.stderr))
    return tuple(json.loads(line) for line in done.stdout.splitlines())


def _failure(script: str, said: str) -> str:
    return f"{script} failed in Node (was `npm install` run in tests/interop?):\n{said[-4000:]}"
