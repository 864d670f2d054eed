"""What every device store must do: one suite for all implementations.

A store's own test module says how to make one and how to open the same one again, and inherits the rest:

    class TestMyStore(StoreAcceptance):
        @pytest.fixture
        def reopen(self) -> Reopen: ...
"""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syncline_client.store import (
    AppendUpdates,
    Content,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    Store,
    StoredDocument,
    StoredIdentity,
    StoredUpdate,
)
from syncline_client.store_memory import MemoryStore

Reopen = Callable[[], Store]
"""Gives the same store again, as the next start of the device finds it."""

NAME = "conversation/c/1"
ROW = Row(1, NAME, "messages", "r1", b'{"text":"\xe4\xbd\xa0\xe5\xa5\xbd"}', 1_700_000_000_000)

names = st.sampled_from([NAME, "page/p", "user/u"])
payloads = st.binary(max_size=40)
numbers = st.integers(min_value=0, max_value=20)
exact = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
updates = st.builds(StoredUpdate, numbers, payloads)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        PutIdentity,
        st.builds(StoredIdentity, st.text(max_size=5), client=numbers, at=exact, seen=exact, offset_ms=exact),
    ),
    st.builds(PutDocument, st.builds(StoredDocument, names, numbers, numbers, numbers, st.booleans())),
    st.builds(AppendUpdates, names, st.lists(updates, max_size=3)),
    st.builds(ReplaceState, names, payloads, numbers),
    st.builds(DropContent, names),
    st.builds(
        PutRow,
        st.builds(
            Row, numbers, names, st.just("messages"), st.text(max_size=3), payloads, numbers, st.text(max_size=3)
        ),
    ),
    st.builds(RemoveRow, numbers),
    st.builds(EraseRow, numbers),
)


ONE_STORE_FOR_ALL_EXAMPLES = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""Each example empties the store first, and each implementation's class has a store of its own."""


class StoreAcceptance:
    """See the module's text."""

    @pytest.fixture
    def reopen(self) -> Reopen:
        """To be given by the implementation's own tests."""
        raise RuntimeError("an implementation's tests say how to open its store")

    async def test_a_new_store_is_empty(self, reopen: Reopen) -> None:
        async with reopen() as store:
            assert await store.read_identity() is None
            assert await store.read_documents() == []
            assert await store.read_rows() == []
            assert await store.read_content(NAME) == Content(b"", [])

    async def test_what_was_committed_is_there_at_the_next_start(self, reopen: Reopen) -> None:
        identity = StoredIdentity("phone", "t", "ann", 2**42 - 1, 2**53 - 1, 5, -7)
        document = StoredDocument(NAME, 2**48, 3, 2, followed=False)
        async with reopen() as store:
            await store.commit(
                [
                    PutIdentity(identity),
                    PutDocument(document),
                    AppendUpdates(NAME, [StoredUpdate(1, b"\0\xff")]),
                    PutRow(ROW),
                ],
                durable=True,
            )
        async with reopen() as store:
            assert await store.read_identity() == identity
            assert await store.read_documents() == [document]
            assert await store.read_content(NAME) == Content(b"", [StoredUpdate(1, b"\0\xff")])
            assert await store.read_rows() == [ROW]

    async def test_updates_come_back_in_the_order_in_which_they_came(self, reopen: Reopen) -> None:
        came = [
            StoredUpdate(7, b"seven"),
            StoredUpdate(0, b"somewhere"),
            StoredUpdate(6, b"six"),
            StoredUpdate(0, b"else"),
        ]
        async with reopen() as store:
            await store.commit([AppendUpdates(NAME, came[:2])])
            await store.commit([AppendUpdates(NAME, came[2:]), AppendUpdates("page/p", [StoredUpdate(1, b"other")])])
            assert (await store.read_content(NAME)).updates == came

    async def test_a_state_replaces_the_updates_up_to_its_number_and_those_of_unknown_place(
        self, reopen: Reopen
    ) -> None:
        async with reopen() as store:
            await store.commit([AppendUpdates(NAME, [StoredUpdate(n, b"%d" % n) for n in (1, 0, 3, 2)])])
            await store.commit([ReplaceState(NAME, b"all up to 2", 2)])
            assert await store.read_content(NAME) == Content(b"all up to 2", [StoredUpdate(3, b"3")])
            await store.commit([ReplaceState(NAME, b"all up to 3", 3)])
            assert await store.read_content(NAME) == Content(b"all up to 3", [])

    async def test_dropped_content_leaves_row_and_outbox(self, reopen: Reopen) -> None:
        async with reopen() as store:
            await store.commit([PutDocument(StoredDocument(NAME, 1)), ReplaceState(NAME, b"s", 1), PutRow(ROW)])
            await store.commit([DropContent(NAME)])
            assert await store.read_content(NAME) == Content(b"", [])
            assert await store.read_documents() == [StoredDocument(NAME, 1)]
            assert await store.read_rows() == [ROW]

    async def test_rows_are_replaced_and_removed_by_id_and_read_in_their_order(self, reopen: Reopen) -> None:
        refused = ROW._replace(code="invalid", reason="no such message")
        async with reopen() as store:
            await store.commit([PutRow(ROW._replace(id=9)), PutRow(ROW), PutRow(ROW._replace(id=4))])
            await store.commit([PutRow(refused), RemoveRow(4), RemoveRow(77), EraseRow(78)])
            assert await store.read_rows() == [refused, ROW._replace(id=9)]

    async def test_documents_are_read_by_name(self, reopen: Reopen) -> None:
        async with reopen() as store:
            await store.commit([PutDocument(StoredDocument(name)) for name in ("user/u", "conversation/c", "page/p")])
            assert [one.name for one in await store.read_documents()] == ["conversation/c", "page/p", "user/u"]

    async def test_a_large_payload_comes_back_byte_for_byte(self, reopen: Reopen) -> None:
        large = bytes(range(256)) * 40_000
        async with reopen() as store:
            await store.commit([ReplaceState(NAME, large, 1)])
        async with reopen() as store:
            assert (await store.read_content(NAME)).state == large

    async def test_commits_of_several_tasks_do_not_mix(self, reopen: Reopen) -> None:
        async with reopen() as store:

            async def write(number: int) -> None:
                await store.commit([PutRow(ROW._replace(id=number)), PutDocument(StoredDocument(f"page/{number}"))])

            await asyncio.gather(*(write(number) for number in range(1, 30)))
            assert len(await store.read_rows()) == len(await store.read_documents()) == 29

    @settings(max_examples=30, suppress_health_check=ONE_STORE_FOR_ALL_EXAMPLES)
    @given(batches=st.lists(st.lists(operations, max_size=5), max_size=6))
    def test_any_history_reads_as_it_does_from_memory(self, reopen: Reopen, batches: list[list[Operation]]) -> None:
        async def check() -> None:
            model = MemoryStore()
            async with reopen() as store:
                await store.commit(
                    [
                        *(RemoveRow(number) for number in range(21)),
                        *(DropContent(n) for n in (NAME, "page/p", "user/u")),
                    ]
                )
                for batch in batches:
                    await store.commit(batch)
                    await model.commit(batch)
            async with reopen() as store:
                assert await store.read_rows() == await model.read_rows()
                for name in (NAME, "page/p", "user/u"):
                    assert await store.read_content(name) == await model.read_content(name)
                written = {one.name: one for one in await store.read_documents()}
                assert all(written[one.name] == one for one in await model.read_documents())

        asyncio.run(check())
