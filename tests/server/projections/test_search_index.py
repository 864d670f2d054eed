"""The search index forgets for good, and finds a place for everything."""

import sqlite3
from pathlib import Path

from support.histories import Histories, nobody_hears
from syncline_protocol.documents.search_terms import index_terms
from syncline_server.projections import search_index
from syncline_server.projections.database import NAME
from syncline_server.projections.projections import Projections

SECRET = "Kreditkarte 4556737586899855 杨贵妃 zanzibarquokka"


def found(directory: Path, *wanted: str) -> dict[str, list[str]]:
    """In which of the database's files each of these stands, as bytes."""
    files = [path for path in directory.iterdir() if path.name.startswith(NAME)]
    return {one: [path.name for path in files if one.encode() in path.read_bytes()] for one in wanted}


async def test_what_was_erased_is_in_no_byte_of_the_database(
    tmp_path: Path, projections: Projections, histories: Histories
) -> None:
    await histories.open("c1", mei="agent")
    for number in range(300):
        await histories.say("c1", f"message number {number} 你好")
    message = await histories.say("c1", SECRET)
    edit = await histories.about("c1", "edit", message, by="ann", text=f"{SECRET} again")
    note = await histories.ticket("t1", "opened", subject="Tablet", conversation="c1")
    note = await histories.ticket("t1", "note", text=SECRET)
    assert await projections.caught_up()
    terms = [term for term in index_terms(SECRET) if len(term) > 1]
    wanted = (SECRET, "zanzibarquokka", "4556737586899855", "杨贵")
    assert set(wanted[1:]) <= set(terms)
    assert all(found(tmp_path, *wanted).values())
    await histories.erase("conversation/c1/1", {message["id"], edit["id"]})
    await histories.erase("ticket/t1", {note["id"]})
    assert await projections.purged()
    assert not any(found(tmp_path, *wanted, *terms).values())


async def test_merging_goes_on_after_a_restart(tmp_path: Path, histories: Histories, projections: Projections) -> None:
    message = await histories.say("c1", SECRET)
    assert await projections.caught_up()
    await projections.__aexit__(None, None, None)
    histories.committed = histories.replaced = nobody_hears
    await histories.erase("conversation/c1/1", {message["id"]})
    async with Projections(tmp_path, histories.store) as again:
        assert await again.complete()
        assert await again.purged()
        assert not any(found(tmp_path, "zanzibarquokka").values())
    await projections.__aenter__()


def test_places_are_in_the_order_of_time_and_nobody_has_two(db: sqlite3.Connection) -> None:
    places = []
    for at in range(1000, 1010):
        for name in range(20):
            place = search_index.place(db, "messages", at, f"{name}")
            db.execute(
                "INSERT INTO messages VALUES (?, 1, 1, ?, ?, 'ann', 'text', 0, '', '')", (place, f"{at}.{name}", at)
            )
            places.append((at, place))
    assert len({place for _, place in places}) == 200
    assert [at for at, _ in sorted(places, key=lambda one: one[1])] == [at for at, _ in places]


def test_more_of_one_time_than_fit_find_a_place_all_the_same(db: sqlite3.Connection) -> None:
    at = 2**53 - 1
    for number in range(5_000):
        place = search_index.place(db, "messages", at, f"{number % 3}")
        assert 0 <= place <= search_index.PLACE_MAX
        db.execute("INSERT INTO messages VALUES (?, 1, 1, ?, ?, 'ann', 'text', 0, '', '')", (place, f"{number}", at))
    assert db.execute("SELECT count(*) FROM messages").fetchone() == (5_000,)


def pieces(db: sqlite3.Connection) -> int:
    """How many pieces the index of messages consists of."""
    ((count,),) = db.execute("SELECT count(DISTINCT segid) FROM message_terms_idx")
    return int(count)


def rows_with(db: sqlite3.Connection, term: str) -> list[int]:
    found = db.execute(
        "SELECT rowid FROM message_terms WHERE message_terms MATCH ? ORDER BY rowid", (f"terms : {term}",)
    )
    return [row for (row,) in found]


def test_what_comes_in_any_order_is_written_as_one_piece(db: sqlite3.Connection) -> None:
    terms = search_index.Terms()
    for row in (5, 3, 9, 1, 7):
        terms.add(search_index.MESSAGES, row, "scope", f"word{row} same")
    db.execute("BEGIN")
    terms.write(db)
    db.execute("COMMIT")
    assert rows_with(db, "same") == [1, 3, 5, 7, 9]
    assert pieces(db) == 1
    terms.write(db)
    assert rows_with(db, "word9") == [9]


def test_what_is_said_of_one_row_stays_in_its_order(db: sqlite3.Connection) -> None:
    terms = search_index.Terms()
    terms.add(search_index.MESSAGES, 5, "scope", "first")
    terms.add(search_index.MESSAGES, 2, "scope", "other")
    terms.remove(search_index.MESSAGES, 5, "scope", "first")
    terms.add(search_index.MESSAGES, 5, "scope", "second")
    db.execute("BEGIN")
    terms.write(db)
    db.execute("COMMIT")
    assert [rows_with(db, term) for term in ("first", "second", "other")] == [[], [5], [2]]


def test_scopes_of_tenants_and_conversations_are_apart() -> None:
    scopes = {
        search_index.tenant_scope("acme"),
        search_index.tenant_scope("zeta"),
        search_index.conversation_scope("acme", "c1"),
        search_index.conversation_scope("acme", "c2"),
        search_index.conversation_scope("zeta", "c1"),
    }
    assert len(scopes) == 5
    assert all(scope.isalnum() and scope.isascii() for scope in scopes)
