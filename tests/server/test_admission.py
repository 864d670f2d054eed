"""What passes into the log: in the order of the checks, whole or not at all, the same after a restart."""

from collections.abc import Callable

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.authors import Recorder
from support.wire import now_at
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX, LEASE_CLIENT_ID_MIN
from syncline_protocol.names import parse_name
from syncline_server import admission
from syncline_server.admission import ContentAdmission, RecordAdmission, empty, restore

SEGMENT = parse_name("conversation/c1/1")
PAGE = parse_name("page/one")
NOW_MS = (now_at() >> 10) + 3_600_000
"""An hour from now: whatever is stamped while the tests run lies behind it."""


def records(*payloads: bytes) -> RecordAdmission:
    """Admission to a segment that holds this."""
    made = empty(SEGMENT)
    assert isinstance(made, RecordAdmission)
    for payload in payloads:
        made.replay(payload)
    return made


def admit(
    to: RecordAdmission | ContentAdmission, author: Recorder, payload: bytes, *, access: Access = Access.APPEND
) -> bool:
    """Have an author's update admitted."""
    return to.admit(payload, author.identity, access, author.owns, NOW_MS)


def refused(
    to: RecordAdmission | ContentAdmission, author: Recorder, payload: bytes, *, access: Access = Access.APPEND
) -> RefusedUpdate:
    """The refusal of an update; it leaves the index as it was."""
    before = to.encode()
    with pytest.raises(RefusedUpdate) as caught:
        admit(to, author, payload, access=access)
    assert to.encode() == before
    return caught.value


def test_each_kind_of_document_has_its_language() -> None:
    kinds = {"conversation/c1": RecordAdmission, "user/mei": RecordAdmission, "page/one": ContentAdmission}
    for name, kind in kinds.items():
        assert type(empty(parse_name(name))) is kind
        assert type(restore(parse_name(name), empty(parse_name(name)).encode())) is kind


# --- records


def test_records_are_admitted_and_known_from_then_on() -> None:
    to, author = records(), Recorder()
    payload = author.payload(0, author.record(), author.record())
    assert admit(to, author, payload)
    assert to.vector == {author.client: 2}
    assert not admit(to, author, payload)
    assert admit(to, author, author.payload(2, author.record()))


Bad = Callable[[Recorder, Recorder], bytes]
CASES: list[tuple[str, Bad]] = [
    ("malformed", lambda *_: b"\x00"),
    ("malformed", lambda mei, _: mei.payload(1, mei.record()) + b"\x00"),
    ("not_yours", lambda _, jin: jin.payload(0, jin.record())),
    ("gap", lambda mei, _: mei.payload(2, mei.record())),
    ("forked", lambda mei, _: mei.payload(0, mei.record("another"))),
    ("forbidden", lambda mei, jin: mei.payload(1, mei.record(by=jin.identity.user))),
    ("forbidden", lambda mei, _: mei.payload(1, mei.record(device="another"))),
    ("invalid", lambda mei, _: mei.payload(1, mei.record(colour="red"))),
    ("invalid", lambda mei, _: mei.payload(1, mei.record(""))),
    ("clock_ahead", lambda mei, _: mei.payload(1, mei.record(at=(NOW_MS + 2 * CLOCK_AHEAD_MS_MAX) << 10))),
]


@pytest.mark.parametrize(("code", "bad"), CASES)
def test_a_refusal_says_why_and_changes_nothing(code: str, bad: Bad) -> None:
    mei, jin = Recorder(0), Recorder(1)
    to = records(mei.payload(0, mei.record()))
    assert refused(to, mei, bad(mei, jin)).code == code
    assert admit(to, mei, mei.payload(1, mei.record()))


def test_one_bad_record_refuses_all_of_its_update() -> None:
    author = Recorder()
    to = records()
    refusal = refused(to, author, author.payload(0, author.record(), author.record(""), author.record()))
    assert refusal.code is RefusalCode.INVALID
    assert to.vector == {}


def test_checks_come_in_their_order() -> None:
    """Shape, ownership, continuity, rules: what is wrong in several ways is refused for the first."""
    mei, jin = Recorder(0), Recorder(1)
    to = records(mei.payload(0, mei.record()))
    bad_rules = mei.record("", by="somebody")
    assert refused(to, mei, mei.payload(1, bad_rules)).code in {RefusalCode.INVALID, RefusalCode.FORBIDDEN}
    assert refused(to, mei, mei.payload(7, bad_rules)).code is RefusalCode.GAP
    assert refused(to, mei, jin.payload(7, bad_rules)).code is RefusalCode.NOT_YOURS
    assert refused(to, mei, jin.payload(7, bad_rules)[:-1]).code is RefusalCode.MALFORMED


def test_the_next_step_of_a_refusal_finds_what_it_needs() -> None:
    author = Recorder()
    to = records(author.payload(0, author.record()))
    assert "vector" in refused(to, author, author.payload(9, author.record())).detail
    bad = author.record("")
    assert refused(to, author, author.payload(1, bad)).detail["record"] == bad["id"]
    ahead = author.record(at=(NOW_MS + 2 * CLOCK_AHEAD_MS_MAX) << 10)
    assert refused(to, author, author.payload(1, ahead)).detail["server_time_ms"] == NOW_MS


@pytest.mark.parametrize("access", [Access.NONE, Access.READ])
def test_who_may_only_read_writes_nothing(access: Access) -> None:
    author = Recorder()
    assert refused(records(), author, author.payload(0, author.record()), access=access).code is RefusalCode.FORBIDDEN
    page, payload = empty(PAGE), typed(author.client, "hello")
    for too_little in (access, Access.APPEND):
        assert refused(page, author, payload, access=too_little).code is RefusalCode.FORBIDDEN


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=12), st.integers(0, 12))
def test_an_index_restored_anywhere_goes_on_as_if_it_had_not_been(steps: list[tuple[int, int]], cut: int) -> None:
    authors, clocks = [Recorder(number) for number in range(3)], [0, 0, 0]
    live, restored = records(), records()
    for position, (number, count) in enumerate(steps):
        if position == cut:
            restored = again(restored)
        author = authors[number]
        payload = author.payload(clocks[number], *(author.record() for _ in range(count)))
        clocks[number] += count
        assert admit(live, author, payload)
        restored.replay(payload)
    for made in (restored, again(restored), again(live)):
        assert made.vector == live.vector
        assert made.digest == live.digest
        assert made.encode() == live.encode()


def again(made: RecordAdmission) -> RecordAdmission:
    """The same, stored and restored."""
    restored = restore(SEGMENT, made.encode())
    assert isinstance(restored, RecordAdmission)
    return restored


# --- pages


def typed(client: int, text: str) -> bytes:
    """What a stock editor sends when somebody types into an empty page."""
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc({"t": pycrdt.Text()}, client_id=client)
    document.get("t", type=pycrdt.Text).insert(0, text)
    return document.get_update()


def test_a_page_takes_what_editors_write_once() -> None:
    author, page = Recorder(), empty(PAGE)
    payload = typed(author.client, "hello")
    assert admit(page, author, payload, access=Access.WRITE)
    assert not admit(page, author, payload, access=Access.WRITE)
    assert page.vector == {author.client: 5}
    assert page.digest is None


def test_a_page_refuses_what_is_another_s_or_has_a_gap_or_no_shape() -> None:
    author, page = Recorder(), empty(PAGE)
    refusals = [
        refused(page, author, payload, access=Access.WRITE).code
        for payload in (b"\xff", typed(LEASE_CLIENT_ID_MIN + 9, "hello"), later(author.client))
    ]
    assert refusals == [RefusalCode.MALFORMED, RefusalCode.NOT_YOURS, RefusalCode.GAP]


def later(client: int) -> bytes:
    """An edit without the one before it."""
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc({"t": pycrdt.Text()}, client_id=client)
    text = document.get("t", type=pycrdt.Text)
    text.insert(0, "one")
    before = document.get_state()
    text.insert(3, "two")
    return document.get_update(before)


def test_a_page_restored_goes_on_where_it_was() -> None:
    author, page = Recorder(), empty(PAGE)
    admit(page, author, typed(author.client, "hello"), access=Access.WRITE)
    restored = restore(PAGE, page.encode())
    assert restored.vector == page.vector
    assert not admit(restored, author, typed(author.client, "hello"), access=Access.WRITE)
    replayed = empty(PAGE)
    replayed.replay(typed(author.client, "hello"))
    assert replayed.encode() == page.encode()


def test_a_segment_takes_no_editors_update() -> None:
    """Well formed, and one's own; but it adds no record."""
    author = Recorder()
    assert refused(records(), author, typed(author.client, "hello")).code is RefusalCode.FORBIDDEN


@given(st.binary(max_size=60))
def test_no_bytes_are_anything_but_admitted_or_refused(payload: bytes) -> None:
    author = Recorder()
    for to in (empty(SEGMENT), empty(PAGE)):
        try:
            admit(to, author, payload, access=Access.WRITE)
        except RefusedUpdate:
            assert to.encode() == empty(SEGMENT if isinstance(to, admission.RecordAdmission) else PAGE).encode()
