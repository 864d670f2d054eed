"""What all tests share: Hypothesis' profiles, and a fixture for tests that read source code.

`default` keeps one example search within seconds; `HYPOTHESIS_PROFILE=thorough` looks a hundred times longer. Neither
has a deadline per example: the machine that runs the tests also runs servers. A failure prints its blob; the example
becomes a regression test of its own (`@example`).
"""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected meanwhile: CPython 3.11 fails with "AST constructor recursion depth mismatch" when, while
    source is parsed, a finalizer of an earlier test's leftovers shows a traceback, for which it parses source itself.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()
