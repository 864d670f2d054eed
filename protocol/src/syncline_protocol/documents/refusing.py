"""How rules refuse a record: with its key, so that the device knows which of its edits it was."""

from typing import NoReturn

from syncline_protocol.errors import RefusalCode, RefusedUpdate


def refuse(code: RefusalCode, key: str, reason: str) -> NoReturn:
    """Raise `RefusedUpdate` for the record `key`."""
    raise RefusedUpdate(code, f"record {key}: {reason}", detail={"record": key})
