"""Starting `support.store_child` and its like: processes that work on a store until something happens to them."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent

CHILD_S_MAX = 60
"""A child that takes longer hangs."""


def start_child(*arguments: object, module: str = "store_child") -> subprocess.Popen[str]:
    """Start it with this command line; its output comes line by line."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", f"support.{module}", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def run_child(*arguments: object) -> list[str]:
    """Run it to its end, which must be a good one; returns its lines."""
    with start_child(*arguments) as child:
        output, _ = child.communicate(timeout=CHILD_S_MAX)
    assert child.returncode == 0
    return output.splitlines()
