"""How far a device is in the log of one document.

Beside the replica. Sequence numbers arrive with updates of others and with acknowledgements of own updates; within one
turn of the server an acknowledgement may overtake the updates before it. The cursor is the largest n such that all up
to n were seen: what a device tells the server when it opens the document, and what a digest is compared at.
"""

from collections.abc import Iterable


class Cursor:
    """`position` is the cursor; `ahead` are the numbers seen beyond the first one missing.

    Invariants:

    1. Every number up to `position` was seen; `position + 1` was not.
    2. `position` never falls, except by `reset`.
    """

    def __init__(self, position: int, ahead: Iterable[int] = ()) -> None:
        self.position = position
        self.ahead: set[int] = set()
        for seq in ahead:
            self.see(seq)

    def has(self, seq: int) -> bool:
        """Whether `seq` was seen."""
        return seq <= self.position or seq in self.ahead

    def see(self, seq: int) -> bool:
        """Note `seq`; whether it is new."""
        if self.has(seq):
            return False
        self.ahead.add(seq)
        while self.position + 1 in self.ahead:
            self.position += 1
            self.ahead.remove(self.position)
        return True

    def jump(self, seq: int) -> None:
        """All up to `seq` were seen at once (a snapshot)."""
        if seq > self.position:
            self.position = seq
            self.ahead = {one for one in self.ahead if one > seq}
            for one in sorted(self.ahead):
                self.ahead.discard(one)
                self.see(one)
