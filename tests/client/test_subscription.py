"""Where a document stands on a connection."""

from syncline_client.local_document import LocalDocument
from syncline_client.store import Row, StoredDocument
from syncline_client.subscription import STRIKES_MAX, Phase, Subscription
from syncline_protocol.frames import OpenedDocument

NAME = "page/p"


def test_it_is_caught_up_when_the_cursor_is_at_the_head() -> None:
    subscription = Subscription(NAME, 1)
    assert not subscription.is_caught_up(LocalDocument(StoredDocument(NAME, 1, 9)))
    subscription.opened(OpenedDocument(5, 3, 9, 0, 0), 1, 2)
    assert not subscription.is_caught_up(LocalDocument(StoredDocument(NAME, 1, 8)))
    assert subscription.is_caught_up(LocalDocument(StoredDocument(NAME, 1, 9)))
    assert (subscription.channel, subscription.sender.clock) == (5, 2)


def test_sending_waits_for_its_time_and_for_the_operator() -> None:
    document = LocalDocument(StoredDocument(NAME, 1, 9))
    subscription = Subscription(NAME, 1)
    subscription.opened(OpenedDocument(5, 3, 9, 0, 0), 1, 2)
    assert subscription.may_send(document)
    subscription.quarantined = True
    assert not subscription.may_send(document)


def test_opened_again_everything_that_waits_is_sent_again() -> None:
    subscription = Subscription(NAME, 1)
    row = Row(4, NAME, "", "", b"", 0)
    subscription.sender.sent(1, row, b"")
    subscription.sender.acknowledged(1)
    assert subscription.sender.next(lambda after: iter([row] if after < row.id else [])) is None
    subscription.opened(OpenedDocument(5, 3, 0, 0, 0), 1, 0)
    assert subscription.sender.next(lambda after: iter([row] if after < row.id else [])) == row


def test_closed_and_asked_for_again() -> None:
    subscription = Subscription(NAME, 1)
    subscription.closed("no such page")
    assert (subscription.phase, subscription.reason) == (Phase.CLOSED, "no such page")
    subscription.ask_again(3.0)
    assert (subscription.phase, subscription.open_after_s) == (Phase.WANTED, 3.0)
    subscription.opened(OpenedDocument(5, 3, 0, 0, 0), 1, 0)
    assert (subscription.phase, subscription.reason) == (Phase.OPEN, "")


def test_refusals_are_counted_for_one_edit_at_a_time() -> None:
    subscription = Subscription(NAME, 1)
    assert not any(subscription.strike(4) for _ in range(STRIKES_MAX))
    assert not any(subscription.strike(5) for _ in range(STRIKES_MAX)), "another edit, another account"
    assert subscription.strike(5)
