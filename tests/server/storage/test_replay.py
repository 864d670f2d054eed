"""What the worker process answers, and that it never answers about less than it was given."""

import io
import random
import resource
from typing import Any

import pycrdt
import pytest
from support.records import record_value
from syncline_protocol.documents.content_digest import content_digest
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.names import Language
from syncline_protocol.update import ContentIndex, RecordStruct, encode_records, scan_records
from syncline_server.storage import jobs, replay

Doc = pycrdt.Doc[Any]


def typed(count: int, *, seed: int = 1, client: int = 7) -> tuple[Doc, list[bytes]]:
    """A document into which somebody typed and deleted, and the update of each step."""
    randomness = random.Random(seed)
    document: Doc = pycrdt.Doc(client_id=client)
    updates: list[bytes] = []
    text = document.get("t", type=pycrdt.Text)
    for _ in range(count):
        state = document.get_state()
        length = len(text)
        if length > 5 and randomness.random() < 0.2:
            del text[randomness.randrange(length)]
        else:
            text.insert(randomness.randint(0, length), randomness.choice("abc"))
        updates.append(document.get_update(state))
    return document, updates


def records(count: int) -> list[bytes]:
    """One message record an update, by two writers in turn."""
    return [
        encode_records([RecordStruct(100 + n % 2, n // 2, "messages", record_value(n, "text")["id"], value(n))])
        for n in range(count)
    ]


def value(n: int) -> dict[str, Any]:
    return record_value(n, "text", text=f"客服 {n}")


def answer(job: jobs.Job, *pieces: list[bytes]) -> jobs.Result:
    return replay.answer(job, iter(pieces))


def test_typing_is_compacted_into_one_update_with_its_index() -> None:
    document, updates = typed(400)
    result = answer(jobs.Compact(Language.CONTENT), updates[:100], updates[100:])
    assert isinstance(result, jobs.Compacted)
    copy: Doc = pycrdt.Doc()
    copy.apply_update(result.payload)
    text = document.get("t", type=pycrdt.Text)
    assert str(copy.get("t", type=pycrdt.Text)) == str(text)
    assert copy.get_state() == document.get_state()
    assert result.digest == content_digest({"t": text})
    assert ContentIndex.decode(result.index).vector == ContentIndex.from_update(document.get_update()).vector


def test_records_are_compacted_into_one_update_with_their_index() -> None:
    updates = records(300)
    result = answer(jobs.Compact(Language.RECORDS), updates)
    assert isinstance(result, jobs.Compacted)
    one_by_one = RecordIndex()
    for update in updates:
        one_by_one.admit(scan_records(update), owns=lambda _: True)
    compacted = RecordIndex.decode(result.index)
    assert compacted.records == one_by_one.records
    assert compacted.vector == one_by_one.vector
    assert result.digest == compacted.digest == one_by_one.digest


def test_compacting_again_continues_from_the_snapshot() -> None:
    _, updates = typed(400)
    half = answer(jobs.Compact(Language.CONTENT), updates[:200])
    assert isinstance(half, jobs.Compacted)
    rest = answer(jobs.Compact(Language.CONTENT), [half.payload], updates[200:])
    whole = answer(jobs.Compact(Language.CONTENT), updates)
    assert isinstance(rest, jobs.Compacted)
    assert isinstance(whole, jobs.Compacted)
    assert rest.digest == whole.digest


@pytest.mark.parametrize("language", Language)
def test_a_digest_is_that_of_the_compacted_document(language: Language) -> None:
    updates = records(50) if language is Language.RECORDS else typed(50)[1]
    digested, compacted = answer(jobs.Digest(language), updates), answer(jobs.Compact(language), updates)
    assert isinstance(digested, jobs.Digested)
    assert isinstance(compacted, jobs.Compacted)
    assert digested.digest == compacted.digest


def test_a_diff_brings_a_replica_up_to_date() -> None:
    document, updates = typed(200)
    behind: Doc = pycrdt.Doc()
    for update in updates[:120]:
        behind.apply_update(update)
    result = answer(jobs.Diff(behind.get_state()), updates)
    assert isinstance(result, jobs.Diffed)
    assert len(result.update) < len(document.get_update())
    behind.apply_update(result.update)
    assert str(behind.get("t", type=pycrdt.Text)) == str(document.get("t", type=pycrdt.Text))


@pytest.mark.parametrize("job", [jobs.Compact(Language.CONTENT), jobs.Diff(b"\0"), jobs.Digest(Language.CONTENT)])
@pytest.mark.parametrize("missing", [0, 17, 98])
def test_a_missing_update_fails_the_job(job: jobs.Job, missing: int) -> None:
    _, updates = typed(100)
    with pytest.raises(ValueError, match="waits for something that is missing"):
        answer(job, updates[:missing] + updates[missing + 1 :])


def test_a_delete_of_something_missing_fails_the_job() -> None:
    """The engine would forget the delete with the snapshot, and the text would be back."""
    writer, other = pycrdt.Doc[Any](client_id=1), pycrdt.Doc[Any](client_id=2)
    text = writer.get("t", type=pycrdt.Text)
    text += "hello"
    written = writer.get_update()
    other.apply_update(written)
    state = other.get_state()
    del other.get("t", type=pycrdt.Text)[1:3]
    deleted = other.get_update(state)
    answer(jobs.Compact(Language.CONTENT), [written, deleted])
    with pytest.raises(ValueError, match="update 1 of 1 deletes something that is missing"):
        answer(jobs.Compact(Language.CONTENT), [deleted])


def test_content_is_no_records() -> None:
    with pytest.raises(RefusedUpdate):
        answer(jobs.Compact(Language.RECORDS), typed(10)[1])


def test_concurrent_writers_are_compacted_in_any_order_of_theirs() -> None:
    """The log has each writer in order; between writers any order is the same document."""
    writers = [typed(60, seed=client, client=client)[1] for client in (1, 2, 3)]
    randomness = random.Random(9)
    digests = set()
    for _ in range(5):
        waiting = [list(updates) for updates in writers]
        log = []
        while any(waiting):
            log.append(randomness.choice([updates for updates in waiting if updates]).pop(0))
        result = answer(jobs.Compact(Language.CONTENT), log)
        assert isinstance(result, jobs.Compacted)
        digests.add(result.digest)
    assert len(digests) == 1


def requests(*frames: jobs.Request) -> io.BytesIO:
    return io.BytesIO(b"".join(map(jobs.encode_frame, frames)))


def responses(sent: io.BytesIO) -> list[jobs.Response]:
    sent.seek(0)
    received = []
    while length := sent.read(jobs.LENGTH.size):
        received.append(jobs.decode_response(sent.read(*jobs.LENGTH.unpack(length))))
    return received


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` runs in the tests' own process here, which must not be ended."""
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)


def test_jobs_are_served_one_after_the_other() -> None:
    _, updates = typed(50)
    job = (jobs.Start(jobs.Digest(Language.CONTENT)), jobs.Piece(updates[:20]), jobs.Piece(updates[20:]), jobs.End())
    sent = io.BytesIO()
    replay.serve(requests(*job, *job, jobs.Start(jobs.Diff(b"\0")), jobs.End()), sent)
    first, second, third = responses(sent)
    assert isinstance(first, jobs.Done)
    assert isinstance(second, jobs.Done)
    assert first.result == second.result == answer(jobs.Digest(Language.CONTENT), updates)
    assert first.memory_bytes > 1024 * 1024
    assert isinstance(third, jobs.Done)
    assert third.result == jobs.Diffed(replay.NOTHING)


def test_a_job_that_fails_is_answered_after_its_end_and_is_the_last() -> None:
    job = (jobs.Start(jobs.Diff(b"\0")), jobs.Piece([b"nonsense"]), jobs.Piece([b"more"]), jobs.End())
    received, sent = requests(*job, *job), io.BytesIO()
    replay.serve(received, sent)
    (failed,) = responses(sent)
    assert isinstance(failed, jobs.Failed)
    assert failed.reason.startswith("ValueError: ")
    assert received.tell() == len(requests(*job).getvalue())


def test_a_job_that_fails_at_its_end_is_answered_at_once() -> None:
    _, updates = typed(10)
    job = (jobs.Start(jobs.Diff(b"\0")), jobs.Piece(updates[1:]), jobs.End())
    received, sent = requests(*job, *job), io.BytesIO()
    replay.serve(received, sent)
    assert [type(response) for response in responses(sent)] == [jobs.Failed]
    assert received.tell() == len(requests(*job).getvalue())


def test_a_job_cut_short_is_not_answered() -> None:
    sent = io.BytesIO()
    replay.serve(requests(jobs.Start(jobs.Diff(b"\0")), jobs.Piece([])), sent)
    assert responses(sent) == []


def test_a_job_begins_at_its_beginning() -> None:
    with pytest.raises(TypeError, match="begins with Piece"):
        replay.serve(requests(jobs.Piece([])), io.BytesIO())
