"""What is left of a record whose content was erased: that it was there, whose it was, and what it was about.

Erasing is the one change that a record ever undergoes, and no update can say it: the server writes the document's
history anew (`docs/protocol.md`, section 7), with the erased form under the same key, client id and clock. So replicas
of the old history find the key taken, and the records that name this one still find it.
"""

from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "redacted"
"""The type of a record that was erased. No update may bring one."""

KEPT: Final = ("id", "by", "device", "at")
"""Fields of every record."""

STRUCTURE: Final = ("after", "message", "auto", "status", "conversation", "customer")
"""Fields that name other records or documents, or one of a few words, and tell nothing; kept where the record had them.
So to erase what somebody wrote changes neither where a ticket stands nor whose it is.
"""


def erased(value: Mapping[str, Any]) -> dict[str, Any]:
    """The record without its content: `of` is the type it had. Erasing twice is erasing once."""
    left = {name: value[name] for name in KEPT}
    left["type"] = REDACTED
    left["of"] = value["of"] if is_erased(value) else value["type"]
    return left | {name: value[name] for name in STRUCTURE if name in value}


def is_erased(value: Mapping[str, Any]) -> bool:
    """Whether this is what is left of a record."""
    return value.get("type") == REDACTED
