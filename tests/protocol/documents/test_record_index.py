from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import record_id, record_value
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.record_index import Owns, RecordIndex
from syncline_protocol.documents.records import document_digest, record_digest
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import RecordStruct, encode_records, encode_vector

ALICE, BO = 2**40 + 1, 2**40 + 2


def struct(number: int, *, client: int = ALICE, clock: int, root: str = "messages", **fields: Any) -> RecordStruct:
    """The struct that brings message `number`."""
    value = record_value(number, "text", **({"text": "hi"} | fields))
    return RecordStruct(client, clock, root, record_id(number), value)


def owned_by(*clients: int) -> Owns:
    """Leases of these client ids."""
    return lambda client: client in clients


def filled() -> RecordIndex:
    """Three records of Alice's and one of Bo's."""
    index = RecordIndex()
    index.admit([struct(n, clock=n) for n in range(3)] + [struct(3, client=BO, clock=0)], owns=owned_by(ALICE, BO))
    return index


def refused(index: RecordIndex, *structs: RecordStruct, owns: Owns) -> RefusedUpdate:
    """The refusal of these structs, which leaves the index as it was."""
    before = index.encode()
    with pytest.raises(RefusedUpdate) as refusal:
        index.admit(structs, owns=owns)
    assert index.encode() == before
    return refusal.value


def test_an_empty_index_knows_nothing() -> None:
    index = RecordIndex()
    assert (index.vector, index.records, index.digest) == ({}, {}, bytes(32))
    assert index.admit([], owns=owned_by()) == []


def test_new_records_are_taken_in_by_their_root_and_key() -> None:
    index = filled()
    assert index.vector == {ALICE: 3, BO: 1}
    facts = index.records["messages", record_id(1)]
    assert (facts.client, facts.clock, facts.by, facts.type, facts.message) == (ALICE, 1, "alice", "text", "")


def test_the_index_keeps_which_message_a_record_names() -> None:
    index = filled()
    recall = record_value(9, "recall", message=record_id(1))
    index.admit([RecordStruct(ALICE, 3, "messages", record_id(9), recall)], owns=owned_by(ALICE))
    assert index.records["messages", record_id(9)].message == record_id(1)


def test_check_changes_nothing_and_integrate_does() -> None:
    index = filled()
    before = index.encode()
    new = index.check([struct(4, clock=3)], owned_by(ALICE))
    assert new == [struct(4, clock=3)]
    assert index.encode() == before
    index.integrate(new)
    assert index.vector[ALICE] == 4


def test_what_is_known_is_not_new_whoever_sends_it() -> None:
    index = filled()
    assert index.admit([struct(1, clock=1), struct(3, client=BO, clock=0)], owns=owned_by()) == []
    assert index.admit([struct(2, clock=2), struct(4, clock=3)], owns=owned_by(ALICE)) == [struct(4, clock=3)]


def test_new_structs_are_the_writers_own() -> None:
    refusal = refused(filled(), struct(4, client=BO, clock=1), owns=owned_by(ALICE))
    assert refusal.code is RefusalCode.NOT_YOURS
    assert str(BO) in refusal.reason


def test_a_gap_is_answered_with_the_vector() -> None:
    index = filled()
    for structs in ([struct(4, clock=4)], [struct(4, clock=3), struct(5, clock=5)], [struct(4, client=7, clock=1)]):
        refusal = refused(index, *structs, owns=owned_by(ALICE, 7))
        assert refusal.code is RefusalCode.GAP
        assert refusal.detail == {"vector": encode_vector({ALICE: 3, BO: 1})}


def test_one_update_never_says_a_clock_twice() -> None:
    assert refused(filled(), struct(4, clock=3), struct(5, clock=3), owns=owned_by(ALICE)).code is RefusalCode.GAP


def test_a_restored_backup_that_wrote_on_is_forked() -> None:
    refusal = refused(filled(), struct(77, clock=1), owns=owned_by(ALICE))
    assert refusal.code is RefusalCode.FORKED
    assert refusal.detail == {"record": record_id(77)}


def test_anothers_struct_told_otherwise_is_not_yours() -> None:
    assert refused(filled(), struct(77, clock=1), owns=owned_by(BO)).code is RefusalCode.NOT_YOURS


def test_no_record_is_overwritten() -> None:
    for number, owner in ((1, ALICE), (1, BO), (3, ALICE)):
        next_clock = filled().vector[owner]
        refusal = refused(filled(), struct(number, client=owner, clock=next_clock, text="ho"), owns=owned_by(owner))
        assert refusal.code is RefusalCode.INVALID
        assert refusal.detail == {"record": record_id(number)}


def test_no_record_is_written_twice_in_one_update() -> None:
    refusal = refused(filled(), struct(4, clock=3), struct(4, clock=4, text="ho"), owns=owned_by(ALICE))
    assert (refusal.code, refusal.detail) == (RefusalCode.INVALID, {"record": record_id(4)})


def test_the_same_key_may_stand_in_two_roots() -> None:
    index = filled()
    assert len(index.admit([struct(1, clock=3, root="drafts")], owns=owned_by(ALICE))) == 1


@pytest.mark.parametrize("fields", [{"by": 7}, {"type": None}, {"message": ["x"]}])
def test_what_is_no_record_is_refused_even_without_rules(fields: dict[str, Any]) -> None:
    index = filled()
    refusal = refused(index, struct(4, clock=3), struct(5, clock=4, **fields), owns=owned_by(ALICE))
    assert (refusal.code, refusal.detail) == (RefusalCode.INVALID, {"record": record_id(5)})


def test_integrate_takes_only_what_was_checked_now() -> None:
    index = filled()
    new = index.check([struct(4, clock=3)], owned_by(ALICE))
    index.integrate(new)
    before = index.encode()
    with pytest.raises(ValueError, match="not checked"):
        index.integrate(new)
    assert index.encode() == before


def test_the_digest_is_the_documents() -> None:
    structs = [struct(n, clock=n) for n in range(3)] + [struct(3, client=BO, clock=0)]
    digests = [record_digest(one.root, one.key, one.value) for one in structs]
    assert filled().digest == document_digest(digests)


def test_a_stored_index_is_read_back_whole() -> None:
    index = filled()
    again = RecordIndex.decode(index.encode())
    assert (again.vector, again.records, again.digest) == (index.vector, index.records, index.digest)
    assert again.encode() == index.encode()
    assert refused(again, struct(77, clock=1), owns=owned_by(ALICE)).code is RefusalCode.FORKED
    assert again.admit([struct(4, clock=3)], owns=owned_by(ALICE)) == [struct(4, clock=3)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\x93\x02" + data[2:],
        lambda _: b"\x93\x01\xc4\x01\0\x90",
    ],
    ids=["empty", "cut", "longer", "another version", "a short digest"],
)
def test_a_damaged_index_is_not_read(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RecordIndex.decode(damage(filled().encode()))


def test_the_index_of_a_snapshot_is_that_of_its_records() -> None:
    structs = [struct(n, clock=n) for n in range(3)] + [struct(3, client=BO, clock=0)]
    index = RecordIndex.from_update(encode_records(structs))
    assert index.digest == filled().digest
    assert index.vector == filled().vector
    assert index.records == filled().records


def test_an_update_that_repeats_an_erased_record_is_taken_only_if_it_brings_nothing_else() -> None:
    """Updates are stored as they came: beside something new the content would be back."""
    secret = struct(0, clock=0, text="my card is 4711")
    index = RecordIndex()
    index.admit([secret._replace(value=erased(secret.value)), struct(1, clock=1)], owns=owned_by(ALICE))
    assert index.admit([secret, struct(1, clock=1)], owns=owned_by(ALICE)) == []
    for update in ([secret, struct(1, clock=1), struct(2, clock=2)], [secret, struct(3, client=BO, clock=0)]):
        refusal = refused(index, *update, owns=owned_by(ALICE, BO))
        assert refusal.code is RefusalCode.GAP
        assert refusal.detail["vector"] == encode_vector({ALICE: 2})
    again = secret._replace(clock=2)
    assert refused(index, again, owns=owned_by(ALICE)).code is RefusalCode.INVALID
    assert index.admit([struct(1, clock=1), struct(2, clock=2)], owns=owned_by(ALICE)) == [struct(2, clock=2)]


histories = st.lists(st.tuples(st.sampled_from([ALICE, BO, 7]), st.integers(1, 4)), min_size=1, max_size=12)


@settings(max_examples=50)
@given(histories, st.randoms(use_true_random=False))
def test_however_updates_are_resent_the_index_is_the_same(history: list[tuple[int, int]], random: Any) -> None:
    updates: list[list[RecordStruct]] = []
    clocks: dict[int, int] = {}
    for client, count in history:
        start = clocks.get(client, 0)
        first = 100 * len(updates)
        updates.append([struct(first + step, client=client, clock=start + step) for step in range(count)])
        clocks[client] = start + count
    once = RecordIndex()
    for update in updates:
        assert once.admit(update, owns=owned_by(ALICE, BO, 7)) == update
    often = RecordIndex()
    for place in range(len(updates)):
        resent = [one for update in updates[random.randint(0, place) : place + 1] for one in update]
        assert often.admit(resent, owns=owned_by(ALICE, BO, 7)) == updates[place]
    assert (often.digest, often.vector, often.records) == (once.digest, once.vector, once.records)
