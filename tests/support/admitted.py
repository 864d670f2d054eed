"""A content index fed with updates, for tests of its rules."""

from collections.abc import Callable

import pytest
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import ContentIndex, scan_update


def anybody(_: int) -> bool:
    """Every client id is the writer's."""
    return True


def index_of(*updates: bytes) -> ContentIndex:
    """The index of a page that holds these."""
    index = ContentIndex()
    for one in updates:
        index.admit(scan_update(one), owns=anybody)
    return index


def refusal(index: ContentIndex, update: bytes, *, owns: Callable[[int], bool] = anybody) -> RefusedUpdate:
    """Why the index refuses the update. Fails when it does not, or when the refusal left a trace."""
    before = index.encode()
    with pytest.raises(RefusedUpdate) as caught:
        index.admit(scan_update(update), owns=owns)
    assert index.encode() == before, "a refusal changed the index"
    return caught.value


def refuses(index: ContentIndex, update: bytes, code: RefusalCode, reason: str) -> None:
    """The index refuses with this code, for this reason, and stays as it was."""
    refused = refusal(index, update)
    assert (refused.code, reason in refused.reason) == (code, True), refused
