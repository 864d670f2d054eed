"""Dialogues as files hold them (`samples/README.md`): what a first start and `syncline load` read.

Beside the data's way; pure, bytes in and values out. Whoever loads them gives the messages their times and ids.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from syncline_protocol.documents.fields import LanguageTag, Subject, Text, UserId
from syncline_protocol.documents.identity import Role


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn: what `by`, one of the participants, said."""

    by: UserId
    text: Text


class Dialogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One conversation. Somebody in it is a customer, and whoever speaks takes part."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9-]{1,64}\Z")]
    origin: str
    language: LanguageTag
    subject: Subject
    participants: Mapping[UserId, Role]
    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        if Role.CUSTOMER not in self.participants.values():
            raise ValueError(f"nobody in dialogue {self.id} is a customer")
        strangers = {message.by for message in self.messages} - self.participants.keys()
        if strangers:
            raise ValueError(f"{', '.join(sorted(strangers))} speak in {self.id} and take no part in it")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    dialogues: Annotated[tuple[Dialogue, ...], msgspec.Meta(min_length=1)]


_decode_file: Final = msgspec.json.Decoder(_File).decode
_decode_line: Final = msgspec.json.Decoder(Dialogue).decode


def read_dialogues(data: bytes) -> tuple[Dialogue, ...]:
    """The dialogues of a file's bytes. Raises `ValueError`, which says what is wrong and where."""
    return _decode_file(data).dialogues


def read_dialogue_lines(data: bytes) -> tuple[Dialogue, ...]:
    """The same where each line is a dialogue; empty lines do not count. Raises `ValueError`."""
    return tuple(_decode_line(line) for line in data.splitlines() if line.strip())
