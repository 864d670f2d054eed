"""Those who write by REST: each user is an author of their own, under the device `rest`.

The same user may ask twice at once: both requests write under one lease. That is safe because an author takes its next
clock from the document in the same turn of the loop in which it is admitted.
"""

from collections import OrderedDict
from typing import Final

from syncline_protocol.documents.identity import Identity

from syncline_server.actor import Actor
from syncline_server.hub import Hub

DEVICE: Final = "rest"
"""The device in records that were written by REST. No installation should bear this name."""

AUTHORS_KEPT: Final = 10_000
"""Authors in memory, 1 KB each; whoever asked longest ago is forgotten, and costs one look at the store next time."""


class Authors:
    """The authors that asked last."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._authors: OrderedDict[Identity, Actor] = OrderedDict()

    def author(self, identity: Identity, now_s: float) -> Actor:
        """The author who writes as `identity`."""
        author = self._authors.get(identity)
        if author is not None:
            self._authors.move_to_end(identity)
            return author
        author = self._authors[identity] = Actor(self._hub, identity)
        if len(self._authors) > AUTHORS_KEPT:
            oldest, _ = self._authors.popitem(last=False)
            self._hub.rates.forget(oldest, now_s)
        return author
