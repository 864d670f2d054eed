"""Presence on the device: shown, renewed, withdrawn; others' states end by themselves."""

from syncline_client.presence import RENEWAL_S, PresenceBoard
from syncline_protocol.frames import Presence
from syncline_protocol.limits import PRESENCE_TTL_MS

TYPING = {"typing": True}


def shown(session: str, user: str, state: dict[str, bool] | None) -> Presence:
    return Presence(1, session, user, "phone", state)


def test_an_own_state_is_due_once_and_again_after_half_its_time() -> None:
    board = PresenceBoard()
    board.set("d", TYPING)
    assert board.due("d", 0.0) == (TYPING,)
    assert board.due("d", RENEWAL_S - 0.1) is None
    assert board.due("d", RENEWAL_S) == (TYPING,)
    assert board.own_documents() == ["d"]


def test_a_changed_state_is_due_at_once() -> None:
    board = PresenceBoard()
    board.set("d", TYPING)
    board.due("d", 0.0)
    board.set("d", {"typing": False})
    assert board.due("d", 0.1) == ({"typing": False},)


def test_a_withdrawal_is_told_once() -> None:
    board = PresenceBoard()
    board.set("d", None)
    assert board.due("d", 0.0) is None
    board.set("d", TYPING)
    board.set("d", None)
    assert board.own_documents() == ["d"]
    assert board.due("d", 0.0) == (None,)
    assert board.due("d", 0.0) is None


def test_others_are_there_until_they_are_withdrawn_or_not_renewed() -> None:
    board = PresenceBoard()
    board.see("d", shown("s2", "bob", TYPING), 0.0)
    board.see("d", shown("s1", "ann", TYPING), 1.0)
    assert [one.user for one in board.others("d", 1.0)] == ["ann", "bob"]
    assert [one.user for one in board.others("d", PRESENCE_TTL_MS / 1000)] == ["ann"]
    board.see("d", shown("s1", "ann", None), 2.0)
    board.see("d", shown("s2", "bob", None), 2.0)
    assert board.others("d", 2.0) == []
    assert board.others("elsewhere", 2.0) == []


def test_without_connection_nobody_is_known_to_be_there() -> None:
    board = PresenceBoard()
    board.see("d", shown("s1", "ann", TYPING), 0.0)
    board.set("d", TYPING)
    board.due("d", 0.0)
    board.disconnected()
    assert board.others("d", 0.1) == []
    assert board.due("d", 0.1) == (TYPING,), "shown again on the next connection"
