"""The server's clock is Unix time in milliseconds."""

import time

from syncline_server import clock


def test_it_shows_unix_time_in_milliseconds() -> None:
    before = time.time()
    assert before - 0.002 <= clock.now_ms() / 1000 <= time.time() + 0.002
