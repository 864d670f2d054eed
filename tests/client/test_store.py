"""The values that a store keeps: what their defaults mean."""

from syncline_client.store import Row, StoredDocument, StoredIdentity, StoreError, StoreInUse


def test_a_new_device_has_neither_user_nor_client_id() -> None:
    identity = StoredIdentity("phone")
    assert (identity.user, identity.client, identity.at) == ("", 0, 0)


def test_a_new_document_has_nothing_and_is_followed() -> None:
    document = StoredDocument("page/p")
    assert (document.epoch, document.cursor, document.clock, document.followed) == (0, 0, 0, True)


def test_a_row_waits_until_it_has_a_code() -> None:
    assert not Row(1, "page/p", "", "", b"", 0).code


def test_a_store_in_use_is_a_store_error() -> None:
    assert issubclass(StoreInUse, StoreError)
