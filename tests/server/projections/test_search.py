"""Searching: what is found is what the protocol's tokenizer says, and what one may read."""

from random import Random

import pytest
from support.histories import TENANT, Histories, wild
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.documents.schema import MESSAGES
from syncline_protocol.documents.search_terms import index_terms, matches, parse_query
from syncline_protocol.listings import Hit
from syncline_server.projections.model import InvalidQuery
from syncline_server.projections.projections import Projections


def identity(user: str, role: Role, *groups: str, tenant: str = TENANT) -> Identity:
    return Identity(tenant=tenant, user=user, device="d", role=role, groups=frozenset(groups))


MEI = identity("mei", Role.AGENT)
ANN = identity("ann", Role.CUSTOMER)


async def found(projections: Projections, who: Identity, q: str, **options: str) -> list[Hit]:
    """All pages of what is found."""
    hits: list[Hit] = []
    cursor: str | None = None
    while True:
        page = await projections.search(who, q, limit=3, cursor=cursor, **options)
        hits += page.hits
        if page.next is None:
            return hits
        cursor = page.next


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("我家在上海东边", ["上海", "海", "边", "上海东边", "上海 东边"]),
        ("我的WiFi连不上", ["wifi", "连不上", "WiFi连不上", "ＷＩＦＩ", "上"]),
        ("serial SN-8842/A1, please", ["sn8842a1", "SN-8842/A1", "8842", "sn 8842", "sn-8842"]),
        ("电话 138 0013 8000", ["13800138000", "138-0013-8000", "+86 138 0013 8000"]),
        ("call +86 138-0013-8000", ["13800138000", "8613800138000", "138 0013 8000"]),
        ("ﾊﾞｯﾃﾘｰが膨らむ", ["バッテリー", "ﾊﾞｯﾃﾘｰ"]),
        ("error 0x80070057 in Straße", ["0x80070057", "STRASSE", "straße error"]),
    ],
)
async def test_words_are_found_however_they_are_written(
    projections: Projections, histories: Histories, text: str, queries: list[str]
) -> None:
    await histories.open("c1", mei="agent")
    await histories.say("c1", "something else 上海。东边 8842-sn 海")
    said = await histories.say("c1", text)
    assert await projections.caught_up()
    for query in queries:
        hits = await found(projections, MEI, query)
        assert said["id"] in [hit.id for hit in hits], query
        (hit,) = [one for one in hits if one.id == said["id"]]
        assert (hit.excerpt, hit.kind, hit.conversation, hit.segment, hit.by) == (text, "message", "c1", 1, "ann")
        assert hit.spans, query
        assert all(0 <= start < end <= len(text) for start, end in hit.spans)


@pytest.mark.parametrize("seed", range(5))
async def test_the_index_finds_what_the_tokenizer_matches(
    projections: Projections, histories: Histories, seed: int
) -> None:
    random = Random(seed)
    alphabet = ["上", "海", "东", "wifi", "sn-88", " ", "a", "8", "/", "1", "。"]
    await histories.open("c1", mei="agent")
    for _ in range(60):
        await histories.say("c1", "x" + "".join(random.choices(alphabet, k=random.randrange(1, 9))))
    await wild(histories, seed, steps=80)
    assert await projections.purged()
    shown = {
        message.id: index_terms(message.text)
        for name, held in histories.records.items()
        for message in reduce_messages([value for root, value in held if root == MESSAGES])
        if message.text is not None and name.startswith(("conversation/c1/", "conversation/c2/", "conversation/c3/"))
    }
    for _ in range(60):
        q = "".join(random.choices([*alphabet, "连不上", "hello", "8842"], k=random.randrange(1, 4)))
        query = parse_query(q)
        wanted = {id_ for id_, terms in shown.items() if matches(terms, query)}
        hits = await found(projections, MEI, q, kind="message")
        assert {hit.id for hit in hits} == wanted, q
        assert [hit.at for hit in hits] == sorted((hit.at for hit in hits), reverse=True)


@pytest.mark.parametrize(
    "q",
    [
        *('"', '" OR "', "* OR scope:t", "NEAR(a b)", "a AND", "NOT a", "-a", "^a", "terms:a", "{terms}:a", "(", "a*"),
        *(
            "\0",
            "a\0b",
            "'; DROP TABLE messages; --",
            "%",
            "_",
            "",
            " ",
            "😀",
            "\ud800".encode(errors="replace").decode(),
        ),
        *("x" * 10_000, "漢" * 10_000, "a " * 5_000, "a-" * 5_000, '"' * 10_000, "1 " * 5_000, "\u0301" * 5_000),
    ],
)
async def test_a_hostile_query_is_data(projections: Projections, histories: Histories, q: str) -> None:
    await histories.open("c1", mei="agent")
    await histories.say("c1", "nothing of this kind")
    assert await projections.caught_up()
    assert await found(projections, MEI, q) == []
    assert [hit.excerpt for hit in await found(projections, MEI, "nothing")] == ["nothing of this kind"]


async def test_a_query_in_the_index_s_own_language_is_words(projections: Projections, histories: Histories) -> None:
    await histories.open("c1", mei="agent")
    said = await histories.say("c1", "say scope or near and not")
    assert await projections.caught_up()
    assert [hit.id for hit in await found(projections, MEI, "scope: near OR (not)")] == [said["id"]]


async def test_everybody_finds_what_they_may_read(projections: Projections, histories: Histories) -> None:
    await histories.open("c1", customer="ann", mei="agent")
    await histories.open("c2", customer="bob", mei="agent")
    await histories.say("c1", "router broken")
    await histories.say("c2", "router fine", by="bob")
    cause = await histories.ticket("t1", "opened", subject="router", conversation="c1", customer="ann")
    await histories.ticket("t1", "assignment", by="server", cause=cause["id"], user="tom", group="hardware")
    await histories.ticket("t1", "note", text="router: the customer lies")
    theirs = Histories(histories.store, committed=projections.committed, tenant="zeta")
    await theirs.open("c1", customer="ann")
    await theirs.say("c1", "router elsewhere")
    assert await projections.caught_up()

    async def names(who: Identity) -> set[str | None]:
        return {
            hit.conversation if hit.kind == "message" else hit.id for hit in await found(projections, who, "router")
        }

    for role in (Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR, Role.BOT, Role.INTEGRATION):
        assert await names(identity("x", role)) == {"c1", "c2", "t1"}
    assert await names(ANN) == {"c1"}
    assert await names(identity("bob", Role.CUSTOMER)) == {"c2"}
    assert await names(identity("eve", Role.CUSTOMER)) == set()
    assert await names(identity("tom", Role.TECHNICIAN)) == {"c1", "t1"}
    assert await names(identity("sue", Role.TECHNICIAN, "hardware")) == {"c1", "t1"}
    assert await names(identity("sue", Role.TECHNICIAN, "software")) == set()
    assert await names(identity("mei", Role.TECHNICIAN)) == {"c1", "c2"}
    (hit,) = await found(projections, identity("x", Role.AGENT, tenant="zeta"), "router")
    assert hit.excerpt == "router elsewhere"
    assert await found(projections, ANN, "lies") == []
    assert await found(projections, ANN, "router", kind="ticket") == []
    assert [hit.id for hit in await found(projections, MEI, "router", kind="ticket")] == ["t1"]
    assert {hit.conversation for hit in await found(projections, MEI, "router", conversation="c2")} == {"c2"}
    assert await found(projections, ANN, "router", conversation="c2") == []


async def test_a_customer_of_many_conversations_finds_all_of_theirs(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncline_server.projections.search.SCOPES_MAX", 3)
    for number in range(8):
        await histories.open(f"c{number}", customer="ann" if number % 2 else "bob")
        await histories.say(f"c{number}", "router")
    assert await projections.caught_up()
    assert {hit.conversation for hit in await found(projections, ANN, "router")} == {"c1", "c3", "c5", "c7"}


@pytest.mark.parametrize("scopes", [0, 1_000])
async def test_a_technicians_page_is_full_while_there_is_more(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch, scopes: int
) -> None:
    monkeypatch.setattr("syncline_server.projections.search.SCOPES_MAX", scopes)
    monkeypatch.setattr("syncline_server.projections.search.PASSED_MAX", 5)
    await histories.open("mine", customer="bob", tom="technician")
    await histories.open("other", customer="bob")
    for _ in range(5):
        await histories.say("mine", "router")
        for number in range(9):
            await histories.say("other", f"router {number}")
    for number in range(8):
        opened = await histories.ticket(f"t{number}", "opened", subject="router", customer="ann")
        group = "hardware" if number % 4 == 0 else "software"
        await histories.ticket(f"t{number}", "assignment", by="server", cause=opened["id"], group=group)
    assert await projections.caught_up()
    tom = identity("tom", Role.TECHNICIAN, "hardware")
    first = await projections.search(tom, "router", limit=4)
    assert [hit.kind for hit in first.hits] == ["ticket", "ticket", "message", "message"]
    second = await projections.search(tom, "router", limit=4, cursor=first.next)
    assert [hit.conversation for hit in second.hits] == ["mine"] * 3
    assert second.next is None


async def test_a_full_page_of_all_there_is_has_no_next(projections: Projections, histories: Histories) -> None:
    await histories.open("other", customer="bob")
    await histories.say("other", "router")
    await histories.open("mine", customer="bob", tom="technician")
    await histories.say("mine", "router")
    assert await projections.caught_up()
    page = await projections.search(identity("tom", Role.TECHNICIAN), "router", limit=1)
    assert (len(page.hits), page.next) == (1, None)


async def test_a_page_that_looked_at_enough_is_short_and_goes_on(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SCOPES_MAX", 0), ("PASSED_MAX", 5), ("READINGS_MAX", 2)):
        monkeypatch.setattr(f"syncline_server.projections.search.{name}", value)
    await histories.open("mine", customer="bob", tom="technician")
    await histories.open("other", customer="bob")
    await histories.say("mine", "router")
    for _ in range(12):
        await histories.say("other", "router")
    assert await projections.caught_up()
    tom = identity("tom", Role.TECHNICIAN)
    first = await projections.search(tom, "router")
    assert (first.hits, first.next is None) == ((), False)
    second = await projections.search(tom, "router", cursor=first.next)
    assert ([hit.conversation for hit in second.hits], second.next) == (["mine"], None)


async def test_what_makes_no_sense_is_said(projections: Projections) -> None:
    with pytest.raises(InvalidQuery):
        await projections.search(MEI, "router", kind="page")
    for cursor in ("x", "-1", "9" * 30, "1.5", "٣"):
        with pytest.raises(InvalidQuery):
            await projections.search(MEI, "router", cursor=cursor)


async def test_what_was_edited_or_taken_back_is_found_as_it_is_now(
    projections: Projections, histories: Histories
) -> None:
    await histories.open("c1", mei="agent")
    message = await histories.say("c1", "the password is swordfish")
    await histories.about("c1", "edit", message, by="ann", text="the passphrase is tuna")
    assert await projections.caught_up()
    assert await found(projections, MEI, "swordfish") == []
    assert [hit.excerpt for hit in await found(projections, MEI, "tuna")] == ["the passphrase is tuna"]
    await histories.about("c1", "recall", message, by="ann")
    assert await projections.caught_up()
    assert await found(projections, MEI, "tuna") == []
