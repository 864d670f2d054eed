"""Frames of both ends come back as they were sent, and nothing else is taken for one."""

import msgspec
import pytest
from syncline_protocol.names import Language
from syncline_server.storage import jobs


@pytest.mark.parametrize(
    "frame",
    [
        jobs.Start(jobs.Compact(Language.RECORDS)),
        jobs.Start(jobs.Diff(b"\x00")),
        jobs.Start(jobs.Digest(Language.CONTENT)),
        jobs.Piece([b"", b"\x00\xff" * 1_000]),
        jobs.End(),
    ],
)
def test_requests_come_back(frame: jobs.Request) -> None:
    encoded = jobs.encode_frame(frame)
    assert jobs.LENGTH.unpack(encoded[: jobs.LENGTH.size]) == (len(encoded) - jobs.LENGTH.size,)
    assert jobs.decode_request(encoded[jobs.LENGTH.size :]) == frame


@pytest.mark.parametrize(
    "frame",
    [
        jobs.Done(jobs.Compacted(b"payload", b"index", bytes(32)), 2**40),
        jobs.Done(jobs.Diffed(b""), 1),
        jobs.Done(jobs.Digested(bytes(32)), 1),
        jobs.Failed("客服"),
    ],
)
def test_responses_come_back(frame: jobs.Response) -> None:
    assert jobs.decode_response(jobs.encode_frame(frame)[jobs.LENGTH.size :]) == frame


def test_a_response_is_no_request() -> None:
    encoded = jobs.encode_frame(jobs.Failed("x"))[jobs.LENGTH.size :]
    with pytest.raises(msgspec.ValidationError):
        jobs.decode_request(encoded)
