"""The server is killed at random moments under load, again and again, in one data folder (P1, P2).

Six devices write messages and page text in four documents, two others only read; all of them keep a journal of what
they were told. `SYNCLINE_TEST_ROUNDS=1000` for the whole length.
"""

import asyncio
import random
import time
from pathlib import Path

import pytest
from end_to_end.authors import Author, check, connected, converge, new_conversation, writing
from end_to_end.journal import Journal
from end_to_end.sizes import report, size
from support.server import ServerProcess

ROUNDS = size("ROUNDS", 10)
ROUND_S_MAX = 0.6
WRITERS = 6
READERS = 2


@pytest.mark.timeout(60 + 4 * ROUNDS)
async def test_nothing_acknowledged_or_shown_is_ever_missing(tmp_path: Path) -> None:
    journal = Journal()
    randomness = random.Random(ROUNDS)
    with ServerProcess(tmp_path / "data") as server:
        documents = [await new_conversation(server), await new_conversation(server), "page/plan", "page/notes"]
        authors = [Author(number, server, documents, journal) for number in range(WRITERS + READERS)]
        began = time.monotonic()
        async with writing(authors[:WRITERS]):
            for _ in range(ROUNDS):
                async with connected([author.device for author in authors], server.url):
                    await asyncio.sleep(randomness.uniform(0, ROUND_S_MAX))
                    server.kill()
                    await asyncio.sleep(0.01)  # what the system still has for the devices reaches them
                assert not journal.faults, journal.faults[:5]
                server.start()
        took = time.monotonic() - began
        contents = await converge(server, authors, journal)
    figures = check(journal, contents, authors)
    report(rounds=ROUNDS, seconds_per_round=round(took / ROUNDS, 2), **figures)
    assert journal.acks > ROUNDS
    assert journal.showings > ROUNDS
