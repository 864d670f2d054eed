"""The tree's own rules read all of its source: see `no_collection`."""

import pytest


@pytest.fixture(autouse=True)
def undisturbed(no_collection: None) -> None:
    """See the module's text."""
