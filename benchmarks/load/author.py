"""A device that writes: its records, one after the other, as messages ready to go over its connection."""

from benchmarks.load.dialects import Link
from benchmarks.load.pace import Message
from benchmarks.load.records import Writer, device_name


class Author:
    """The device `number` on `link`. `written` are the ids of its records since `forget`."""

    def __init__(self, link: Link, number: int, texts: list[str]) -> None:
        self.link = link
        self.written: set[bytes] = set()
        self.update_bytes = 0
        self._writer = Writer(link.client, device_name(number), texts, start=number)

    @property
    def clock(self) -> int:
        """The clock, and number on the connection, of its next record."""
        return self._writer.clock

    @property
    def clocks(self) -> dict[int, int]:
        """The next clock by client id, as far as this device's own records go."""
        return {self.link.client: self._writer.clock}

    def next_message(self) -> Message:
        """The next record. Its number on the connection is its clock."""
        number = self._writer.clock
        (record,) = self._writer.write(1)
        self.written.add(record.id)
        self.update_bytes += len(record.update)
        return Message(record.id, self.link.socket, self.link.message(number, record.update))

    def forget(self) -> None:
        """Begin `written` and `update_bytes` anew."""
        self.written = set()
        self.update_bytes = 0
