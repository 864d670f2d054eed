"""What every store must keep of the interface's promises, as tests.

An implementation's own test is a class with one fixture, `open_store`: a function that opens the same place each time
it is called, as an async context manager.

    class TestSqliteStore(StoreAcceptance):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> OpenStore:
            return lambda: SqliteStore(tmp_path)
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from support.store_rows import append_many, entry, expected_rows, new_document, read_all
from syncline_server.storage.interface import (
    DocumentKey,
    LeaseHolder,
    LogEntry,
    LogRow,
    Snapshot,
    Store,
    StoreCorrupt,
    StoredDocument,
    StoreUnavailable,
)

OpenStore = Callable[[], Store]

EVERYTHING = 2**40
"""More bytes than any log here has."""


class StoreAcceptance:
    """Inherit, and give it `open_store`."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        raise AssertionError("the implementation's test class has to say how to open the store")

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[Store]:
        async with open_store() as store:
            yield store

    # documents

    async def test_a_document_that_nobody_created_is_none(self, store: Store) -> None:
        assert await store.read_document(DocumentKey("acme", "page/1")) is None
        assert await store.read_documents("acme", "") == []

    async def test_a_created_document_is_empty_and_keeps_its_epoch(self, store: Store) -> None:
        created = await store.create_document(DocumentKey("acme", "page/1"), 2**53)
        assert created.key == DocumentKey("acme", "page/1")
        assert (created.epoch, created.head, created.floor, created.quarantined) == (2**53, 0, 0, "")
        assert await store.read_document(created.key) == created
        assert await store.read_log(created.number, after=0, bytes_max=EVERYTHING) == []
        assert await store.read_snapshot(created.number) is None

    async def test_creating_twice_gives_the_first(self, store: Store) -> None:
        key = DocumentKey("acme", "page/1")
        created = await asyncio.gather(*(store.create_document(key, epoch) for epoch in range(1, 11)))
        assert len(set(created)) == 1
        assert await store.read_document(key) == created[0]

    async def test_tenants_do_not_see_each_other(self, store: Store) -> None:
        ours = await store.create_document(DocumentKey("acme", "page/1"), 1)
        theirs = await store.create_document(DocumentKey("zeta", "page/1"), 2)
        await store.append([entry(ours.number, 1), entry(theirs.number, 1)])
        assert ours.number != theirs.number
        assert [row.key.tenant for row in await store.read_documents("acme", "")] == ["acme"]
        assert await read_all(store, theirs.number) == expected_rows(theirs.number, 1, 1)

    async def test_documents_are_listed_by_name_and_page(self, store: Store) -> None:
        names = [f"conversation/{last}" for last in ("a", "a/1", "a/10", "a/2", "äö", "z", "客服")]
        for name in [*names, "page/1", "conversations"]:
            await store.create_document(DocumentKey("acme", name), 1)
        listed = await store.read_documents("acme", "conversation/")
        assert [row.key.name for row in listed] == sorted(names)
        paged: list[str] = []
        while page := await store.read_documents("acme", "conversation/", after=paged[-1] if paged else "", limit=3):
            paged += [row.key.name for row in page]
        assert paged == sorted(names)
        assert [row.key.name for row in await store.read_documents("acme", "conversation/a/")] == [
            "conversation/a/1",
            "conversation/a/10",
            "conversation/a/2",
        ]

    async def test_listed_documents_have_their_heads(self, store: Store) -> None:
        first, second = await new_document(store, "page/1"), await new_document(store, "page/2")
        await append_many(store, second, 1, 5)
        assert {row.number: row.head for row in await store.read_documents("acme", "page/")} == {first: 0, second: 5}

    async def test_documents_are_read_by_their_names_at_once(self, store: Store) -> None:
        keys = [DocumentKey("acme", f"page/{number}") for number in range(1_200)]
        numbers = {key: (await store.create_document(key, 7)).number for key in keys[::100]}
        other = await store.create_document(DocumentKey("other", "page/1"), 8)
        await store.append([LogEntry(numbers[keys[300]], seq, 1, 0, b"x") for seq in (1, 2, 3)])
        found = await store.read_documents_named([*keys, other.key, DocumentKey("nobody", "page/100")])
        assert {key: row.number for key, row in found.items()} == numbers | {other.key: other.number}
        assert {key: row.head for key, row in found.items() if row.head} == {keys[300]: 3}
        assert found[keys[300]] == await store.read_document(keys[300])
        assert await store.read_documents_named([]) == {}

    async def test_all_documents_are_listed_by_number_and_page_with_their_heads(self, store: Store) -> None:
        numbers = {}
        for tenant, name in (("zeta", "page/1"), ("acme", "page/2"), ("acme", "page/1"), ("ann", "user/ann")):
            created = await store.create_document(DocumentKey(tenant, name), 7)
            numbers[created.number] = created.key
        second = sorted(numbers)[1]
        await append_many(store, second, 1, 5)
        paged: list[StoredDocument] = []
        while page := await store.read_all_documents(paged[-1].number if paged else 0, limit=3):
            paged += page
        assert {row.number: row.key for row in paged} == numbers
        assert [row.number for row in paged] == sorted(numbers)
        assert {row.number: row.head for row in paged if row.head} == {second: 5}
        assert await store.read_all_documents(second, limit=1) == [paged[2]]

    async def test_epoch_and_quarantine_are_changed(self, open_store: OpenStore) -> None:
        key = DocumentKey("acme", "page/1")
        async with open_store() as store:
            document = await new_document(store)
            await store.renew_epoch(document, 99)
            await store.quarantine(document, "damaged")
        async with open_store() as store:
            row = await store.read_document(key)
            assert row is not None
            assert (row.epoch, row.quarantined) == (99, "damaged")
            await store.quarantine(document, "")
            row = await store.read_document(key)
            assert row is not None
            assert row.quarantined == ""

    async def test_changing_a_document_that_does_not_exist_is_an_error(self, store: Store) -> None:
        with pytest.raises(StoreCorrupt):
            await store.renew_epoch(12345, 1)
        with pytest.raises(StoreCorrupt):
            await store.quarantine(12345, "damaged")

    # log

    async def test_payloads_come_back_byte_for_byte(self, store: Store) -> None:
        randomness = random.Random(1)
        payloads = [b"\x00", b"\xff" * 1000, bytes(range(256)), "客服 🎧".encode(), randomness.randbytes(3_000_000)]
        document = await new_document(store)
        await store.append([entry(document, seq, payload) for seq, payload in enumerate(payloads, 1)])
        assert await read_all(store, document) == [LogRow(seq, payload) for seq, payload in enumerate(payloads, 1)]

    async def test_appended_updates_are_there_after_opening_again(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            documents = [await new_document(store, f"page/{n}") for n in range(5)]
            for document in documents:
                await append_many(store, document, 1, 100 + document, at_once=7)
        async with open_store() as store:
            for n, document in enumerate(documents):
                row = await store.read_document(DocumentKey("acme", f"page/{n}"))
                assert row is not None
                assert row.head == 100 + document
                assert await read_all(store, document) == expected_rows(document, 1, 100 + document)
                await store.append([entry(document, 101 + document)])

    async def test_a_group_of_many_documents_keeps_each_in_order(self, store: Store) -> None:
        randomness = random.Random(2)
        heads = {await new_document(store, f"page/{n}"): 0 for n in range(20)}
        for _ in range(40):
            group: list[LogEntry] = []
            for _ in range(randomness.randrange(1, 60)):
                document = randomness.choice(list(heads))
                heads[document] += 1
                group.append(entry(document, heads[document]))
            await store.append(group)
        for document, head in heads.items():
            assert await read_all(store, document) == expected_rows(document, 1, head)

    async def test_a_group_of_ten_thousand_is_taken(self, store: Store) -> None:
        document = await new_document(store)
        await store.append([entry(document, seq) for seq in range(1, 10_001)])
        assert await read_all(store, document, bytes_max=EVERYTHING) == expected_rows(document, 1, 10_000)

    async def test_nothing_to_append_is_nothing(self, store: Store) -> None:
        await store.append([])

    @pytest.mark.parametrize("seqs", [[2], [1, 3], [1, 1], [1, 2, 2], [0], [-1]])
    async def test_an_update_out_of_order_is_refused_with_its_whole_group(self, store: Store, seqs: list[int]) -> None:
        document, other = await new_document(store), await new_document(store, "page/2")
        with pytest.raises(StoreCorrupt):
            await store.append([entry(other, 1), *(entry(document, seq) for seq in seqs)])
        assert await read_all(store, document) == await read_all(store, other) == []
        await store.append([entry(document, 1), entry(other, 1)])

    async def test_an_update_of_no_document_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreCorrupt):
            await store.append([entry(12345, 1)])

    async def test_what_was_appended_is_known_after_opening_again(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            document = await new_document(store)
            await append_many(store, document, 1, 3)
        async with open_store() as store:
            with pytest.raises(StoreCorrupt):
                await store.append([entry(document, 3)])
            with pytest.raises(StoreCorrupt):
                await store.append([entry(document, 5)])
            await store.append([entry(document, 4)])

    async def test_a_read_fits_into_its_limit(self, store: Store) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 400)
        for bytes_max in (1, 100, 1_000, 50_000):
            rows = await store.read_log(document, after=17, bytes_max=bytes_max)
            size = sum(len(row.payload) for row in rows)
            assert rows[0].seq == 18
            assert len(rows) == 1 or size <= bytes_max
        assert len(rows) > 1

    async def test_every_cursor_gets_what_follows_it(self, store: Store) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 300, at_once=11)
        for after in (0, 1, 10, 11, 150, 298, 299):
            assert await read_all(store, document, after=after, bytes_max=3_000) == expected_rows(
                document, after + 1, 300
            )
        assert await store.read_log(document, after=300, bytes_max=EVERYTHING) == []
        assert await store.read_log(document, after=2**32, bytes_max=EVERYTHING) == []

    async def test_logs_of_neighbours_are_kept_apart(self, store: Store) -> None:
        documents = [await new_document(store, f"page/{n}") for n in range(3)]
        await append_many(store, documents[0], 1, 5)
        await append_many(store, documents[2], 1, 5)
        assert await store.read_log(documents[1], after=0, bytes_max=EVERYTHING) == []
        assert await store.read_log(documents[0], after=5, bytes_max=EVERYTHING) == []
        with pytest.raises(ValueError, match="start at 1"):
            await store.read_log(documents[1], after=-1, bytes_max=EVERYTHING)

    async def test_reading_beside_writing_leaves_nothing_out(self, store: Store) -> None:
        """Readers follow the log while it is written, large enough that everything a store does on the way happens."""
        document, noise = await new_document(store), await new_document(store, "page/2")
        last = 3_000

        async def write() -> None:
            for seq in range(1, last + 1):
                group = [entry(document, seq)]
                if seq % 10 == 0:
                    group.append(entry(noise, seq // 10, bytes(20_000)))
                await store.append(group)

        async def follow(after: int) -> None:
            while after < last:
                rows = await store.read_log(document, after=after, bytes_max=5_000)
                assert rows == expected_rows(document, after + 1, after + len(rows))
                after += len(rows)
                row = await store.read_document(DocumentKey("acme", "page/1"))
                assert row is not None
                assert row.head >= after
                await asyncio.sleep(0)

        await asyncio.gather(write(), follow(0), follow(0))

    # snapshots

    async def test_a_snapshot_replaces_the_log_up_to_its_cut(self, open_store: OpenStore) -> None:
        snapshot = Snapshot(180, bytes(range(256)) * 4_000, b"index")
        async with open_store() as store:
            document, other = await new_document(store), await new_document(store, "page/2")
            await append_many(store, document, 1, 200)
            await append_many(store, other, 1, 200)
            await store.write_snapshot(document, snapshot, keep_after=123)
            await self.check_cut(store, document, snapshot, floor=123, head=200)
        async with open_store() as store:
            await self.check_cut(store, document, snapshot, floor=123, head=200)
            assert await read_all(store, other) == expected_rows(other, 1, 200)
            await append_many(store, document, 201, 210)
            newer = Snapshot(210, b"newer", b"")
            await store.write_snapshot(document, newer, keep_after=210)
            await self.check_cut(store, document, newer, floor=210, head=210)
        async with open_store() as store:
            await self.check_cut(store, document, newer, floor=210, head=210)
            await store.append([entry(document, 211)])
            assert await read_all(store, document, after=210) == expected_rows(document, 211, 211)

    async def check_cut(self, store: Store, document: int, snapshot: Snapshot, *, floor: int, head: int) -> None:
        row = await store.read_document(DocumentKey("acme", "page/1"))
        assert row is not None
        assert (row.floor, row.head) == (floor, head)
        assert await store.read_snapshot(document) == snapshot
        assert await read_all(store, document, after=floor) == expected_rows(document, floor + 1, head)
        # Behind a cursor below the floor there is a gap, and it shows.
        assert await read_all(store, document, after=0) == expected_rows(document, floor + 1, head)

    async def test_a_snapshot_may_keep_the_whole_log(self, store: Store) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 10)
        await store.write_snapshot(document, Snapshot(10, b"all", b""), keep_after=0)
        assert await read_all(store, document) == expected_rows(document, 1, 10)

    @pytest.mark.parametrize(
        ("seq", "keep_after", "why"),
        [(10, 11, "drops what is in no snapshot"), (51, 20, "of updates that are not there"), (10, 5, "an older one")],
    )
    async def test_a_snapshot_that_does_not_fit_is_refused(
        self, store: Store, seq: int, keep_after: int, why: str
    ) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 50)
        first = Snapshot(20, b"first", b"")
        await store.write_snapshot(document, first, keep_after=8)
        with pytest.raises(ValueError, match="does not fit"):
            await store.write_snapshot(document, Snapshot(seq, why.encode(), b""), keep_after=keep_after)
        assert await store.read_snapshot(document) == first
        assert await read_all(store, document, after=8) == expected_rows(document, 9, 50)

    # another history

    @pytest.mark.parametrize("compacted", [False, True])
    async def test_a_history_is_replaced_whole(self, open_store: OpenStore, *, compacted: bool) -> None:
        snapshot = Snapshot(200, bytes(range(256)) * 1_000, b"index")
        async with open_store() as store:
            document, other = await new_document(store), await new_document(store, "page/2")
            await append_many(store, document, 1, 150)
            await append_many(store, other, 1, 200)
            if compacted:
                await store.write_snapshot(document, Snapshot(120, b"old", b"old"), keep_after=80)
            await append_many(store, document, 151, 200)
            await store.replace_history(document, 99, snapshot)
            await self.check_history(store, document, snapshot, epoch=99)
            await store.wipe()
            await self.check_history(store, document, snapshot, epoch=99)
        async with open_store() as store:
            await self.check_history(store, document, snapshot, epoch=99)
            assert await read_all(store, other) == expected_rows(other, 1, 200)
            await store.append([entry(document, 201), entry(other, 201)])
            assert await read_all(store, document, after=200) == expected_rows(document, 201, 201)
        async with open_store() as store:
            assert await read_all(store, document, after=200) == expected_rows(document, 201, 201)
            assert await read_all(store, other) == expected_rows(other, 1, 201)

    async def check_history(self, store: Store, document: int, snapshot: Snapshot, *, epoch: int) -> None:
        row = await store.read_document(DocumentKey("acme", "page/1"))
        assert row is not None
        assert (row.epoch, row.floor, row.head) == (epoch, snapshot.seq, snapshot.seq)
        assert await store.read_snapshot(document) == snapshot
        assert await read_all(store, document) == []

    async def test_a_history_is_replaced_again_and_again(self, store: Store) -> None:
        document = await new_document(store)
        for number in range(1, 6):
            await append_many(store, document, number * 10 - 9, number * 10)
            for epoch in (number, 100 + number):
                await store.replace_history(document, epoch, Snapshot(number * 10, b"%d" % epoch, b""))
            await store.wipe()
            await self.check_history(store, document, Snapshot(number * 10, b"%d" % epoch, b""), epoch=100 + number)

    async def test_a_new_history_knows_no_cursors(self, store: Store) -> None:
        document, other = await new_document(store), await new_document(store, "page/2")
        await append_many(store, document, 1, 50)
        await append_many(store, other, 1, 50)
        await store.write_cursors([(document, 1, 50, 1_000), (other, 1, 30, 1_000)])
        assert await store.read_oldest_cursor(document, seen_after_ms=0) == 50
        await store.write_cursors([(document, 2, 40, 1_000)])
        await store.replace_history(document, 99, Snapshot(50, b"all", b""))
        assert await store.read_oldest_cursor(document, seen_after_ms=0) is None
        assert await store.read_oldest_cursor(other, seen_after_ms=0) == 30

    @pytest.mark.parametrize("seq", [0, 49, 51])
    async def test_a_history_that_does_not_end_at_the_head_is_refused(self, store: Store, seq: int) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 50)
        with pytest.raises(ValueError, match="does not fit"):
            await store.replace_history(document, 99, Snapshot(seq, b"all", b""))
        row = await store.read_document(DocumentKey("acme", "page/1"))
        assert row is not None
        assert (row.epoch, row.floor) == (7, 0)
        assert await store.read_snapshot(document) is None
        assert await read_all(store, document) == expected_rows(document, 1, 50)

    async def test_a_history_of_no_document_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreCorrupt):
            await store.replace_history(12345, 99, Snapshot(0, b"", b""))

    async def test_a_compaction_of_the_old_history_is_refused(self, store: Store) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 600)
        await store.replace_history(document, 99, Snapshot(600, b"new", b""))
        with pytest.raises(ValueError, match="does not fit"):
            await store.write_snapshot(document, Snapshot(600, b"old", b""), keep_after=100)
        await self.check_history(store, document, Snapshot(600, b"new", b""), epoch=99)

    async def test_a_wipe_with_nothing_to_wipe_is_nothing(self, store: Store) -> None:
        await store.wipe()
        document = await new_document(store)
        await append_many(store, document, 1, 50)
        await store.wipe()
        assert await read_all(store, document) == expected_rows(document, 1, 50)

    async def test_wipes_leave_writers_and_readers_alone(self, store: Store) -> None:
        """Others append and read while histories are replaced and wiped."""
        erased, other = await new_document(store), await new_document(store, "page/2")
        await append_many(store, erased, 1, 20)

        async def replace() -> None:
            for epoch in range(10, 20):
                await store.replace_history(erased, epoch, Snapshot(20, b"%d" % epoch, b""))
                await store.wipe()

        async def append() -> None:
            for seq in range(1, 151):
                await store.append([entry(other, seq)])
                rows = await read_all(store, other, after=max(0, seq - 50), bytes_max=EVERYTHING)
                assert rows == expected_rows(other, max(0, seq - 50) + 1, seq)

        await asyncio.gather(replace(), append(), replace())
        assert await read_all(store, other) == expected_rows(other, 1, 150)
        await self.check_history(store, erased, Snapshot(20, b"19", b""), epoch=19)

    # client ids

    async def test_a_lease_is_the_first_candidate_that_nobody_has(self, open_store: OpenStore) -> None:
        ann, bob = LeaseHolder("acme", "ann", "phone"), LeaseHolder("acme", "bob", "desk")
        async with open_store() as store:
            assert await store.read_lease(ann) is None
            assert await store.lease(ann, candidates=[70, 80]) == 70
            assert await store.lease(bob, candidates=[70, 90, 80]) == 90
        async with open_store() as store:
            assert await store.lease(ann, candidates=[90, 80]) == 80
            assert (await store.read_lease(ann), await store.read_lease(bob)) == (80, 90)
            assert (await store.read_holder(70), await store.read_holder(80)) == (ann, ann)
            assert await store.read_holder(71) is None
            assert await store.read_lease(LeaseHolder("acme", "ann", "desk")) is None

    async def test_leases_asked_for_at_once_are_all_different(self, store: Store) -> None:
        holders = [LeaseHolder("acme", f"user{n}", "phone") for n in range(30)]
        ids = await asyncio.gather(*(store.lease(holder, candidates=range(100, 140)) for holder in holders))
        assert len(set(ids)) == len(holders)

    async def test_no_candidate_left_is_an_error(self, store: Store) -> None:
        holder = LeaseHolder("acme", "ann", "phone")
        await store.lease(holder, candidates=[70])
        with pytest.raises(StoreUnavailable, match="draw others"):
            await store.lease(holder, candidates=[70])
        assert await store.read_lease(holder) == 70

    async def test_a_bound_id_stays_with_the_first(self, store: Store) -> None:
        ann, bob = LeaseHolder("acme", "ann", ""), LeaseHolder("acme", "bob", "")
        assert set(await asyncio.gather(store.bind(5, ann), store.bind(5, ann))) == {ann}
        assert await store.bind(5, bob) == ann
        assert await store.read_holder(5) == ann
        leased = await store.lease(LeaseHolder("acme", "bob", "desk"), candidates=[5, 6])
        assert leased == 6

    # cursors

    async def test_the_oldest_cursor_counts_devices_seen_since(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            document, other = await new_document(store), await new_document(store, "page/2")
            assert await store.read_oldest_cursor(document, seen_after_ms=0) is None
            await store.write_cursors([(document, 1, 50, 1_000), (document, 2, 10, 500), (other, 1, 5, 1_000)])
            assert await store.read_oldest_cursor(document, seen_after_ms=0) == 10
            assert await store.read_oldest_cursor(document, seen_after_ms=501) == 50
            await store.write_cursors([(document, 2, 60, 2_000)])
            assert await store.read_oldest_cursor(document, seen_after_ms=0) == 50
            await store.write_cursors([(document, 1, 70, 2_000)])
        async with open_store() as store:
            assert await store.read_oldest_cursor(document, seen_after_ms=0) == 60
            assert await store.read_oldest_cursor(other, seen_after_ms=1_001) is None

    async def test_cursors_below_a_cut_are_forgotten(self, store: Store) -> None:
        document = await new_document(store)
        await append_many(store, document, 1, 50)
        await store.write_cursors([(document, 1, 9, 1), (document, 2, 20, 1), (document, 3, 30, 1)])
        assert await store.read_oldest_cursor(document, seen_after_ms=0) == 9
        await store.write_snapshot(document, Snapshot(50, b"all", b""), keep_after=20)
        assert await store.read_oldest_cursor(document, seen_after_ms=0) == 20

    async def test_cursors_of_thousands_of_devices_are_kept(self, store: Store) -> None:
        document = await new_document(store)
        await store.write_cursors([(document, client, 10_000 - client, 1) for client in range(5_000)])
        assert await store.read_oldest_cursor(document, seen_after_ms=0) == 5_001

    # rights

    async def test_revocations_are_kept_and_never_move_back(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            assert await store.read_revocations() == []
            await store.write_revocation("acme", "ann", "", 2_000)
            await store.write_revocation("acme", "ann", "", 1_000)
            await store.write_revocation("acme", "ann", "phone", 3_000)
        async with open_store() as store:
            assert sorted(await store.read_revocations()) == [
                ("acme", "ann", "", 2_000),
                ("acme", "ann", "phone", 3_000),
            ]

    # health, cancellation

    async def test_a_healthy_store_passes_its_probe(self, store: Store) -> None:
        await store.probe()

    async def test_a_cancelled_append_is_whole_or_not_there(self, open_store: OpenStore) -> None:
        randomness = random.Random(3)
        async with open_store() as store:
            documents: Sequence[int] = [await new_document(store, f"page/{n}") for n in range(3)]
            head = 0
            for _ in range(150):
                task = asyncio.create_task(store.append([entry(document, head + 1) for document in documents]))
                for _ in range(randomness.randrange(6)):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await store.probe()  # has its turn after the append, if that goes on
                heads = [row.head for row in await store.read_documents("acme", "page/")]
                assert heads in ([head] * 3, [head + 1] * 3)
                head = heads[0]
            assert head > 0
        async with open_store() as store:
            for document in documents:
                assert await read_all(store, document) == expected_rows(document, 1, head)

    async def test_a_cancelled_snapshot_is_whole_or_not_there(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            document = await new_document(store)
            await append_many(store, document, 1, 100)
            for seq in range(1, 60):
                task = asyncio.create_task(
                    store.write_snapshot(document, Snapshot(seq, b"%d" % seq, b""), keep_after=seq)
                )
                for _ in range(seq % 12):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await store.probe()
                row = await store.read_document(DocumentKey("acme", "page/1"))
                snapshot = await store.read_snapshot(document)
                assert row is not None
                assert row.floor == (0 if snapshot is None else snapshot.seq)
                assert await read_all(store, document, after=row.floor) == expected_rows(document, row.floor + 1, 100)
