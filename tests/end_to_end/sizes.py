"""How long an attack goes on: a few seconds in the suite, the whole length when its variable says so."""

import os

PREFIX = "SYNCLINE_TEST_"


def size(name: str, default: int) -> int:
    """`SYNCLINE_TEST_<name>` as a number, or `default`."""
    return int(os.environ.get(PREFIX + name, default))


def report(**figures: object) -> None:
    """Print what an attack came to; `pytest -s` or `-rP` shows it."""
    print("  ".join(f"{name}={value}" for name, value in figures.items()))  # noqa: T201 - what it is for
