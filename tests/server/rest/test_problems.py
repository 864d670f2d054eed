"""Errors as answers."""

import json

import pytest
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_server.rest import problems
from syncline_server.rest.problems import STATUS_OF, Problem, ProblemCode, fault_in_body, fault_in_parameters


def test_every_code_has_a_status_that_is_an_error() -> None:
    assert set(STATUS_OF) == set(ProblemCode)
    assert all(status >= 400 for status in STATUS_OF.values())


@pytest.mark.parametrize("code", RefusalCode)
def test_a_refusal_keeps_its_code_where_a_caller_can_do_something(code: RefusalCode) -> None:
    problem = problems.of_refusal(RefusedUpdate(code, "why", detail={"record": "r1", "vector": b"x"}))
    inner = {RefusalCode.NOT_YOURS, RefusalCode.GAP, RefusalCode.FORKED, RefusalCode.NOT_OPEN}
    if code in inner:
        assert problem.code is ProblemCode.UNAVAILABLE
    elif code is RefusalCode.MALFORMED:  # the record, not the request
        assert problem.code is ProblemCode.INVALID
    elif code is RefusalCode.INVALID:  # to admission: what is sent is as declared, and does not go with what is there
        assert problem.code is ProblemCode.CONFLICT
    else:
        assert problem.code.value == code.value
    body = json.loads(bytes(problems.answer(problem).body))
    assert (body["detail"], body["record"]) == ("why", "r1")
    assert "vector" not in body


@pytest.mark.parametrize(("code", "status"), [(CloseCode.TOKEN_EXPIRED, 401), (CloseCode.STORAGE_UNAVAILABLE, 503)])
def test_a_violation_is_the_tokens_or_the_stores(code: CloseCode, status: int) -> None:
    answer = problems.answer(problems.of_violation(ProtocolViolation(code, "why")))
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(("milliseconds", "seconds"), [(None, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (0, "1")])
def test_what_passes_says_when(milliseconds: int | None, seconds: str) -> None:
    members = {} if milliseconds is None else {"retry_after_ms": milliseconds}
    answer = problems.answer(Problem(ProblemCode.RATE_LIMITED, "slowly", members=members))
    assert answer.headers["retry-after"] == seconds


@pytest.mark.parametrize(
    ("message", "what", "pointer"),
    [
        ("Expected `int`, got `str` - at `$.a.b[3].c`", "Expected `int`, got `str`", "#/a/b/3/c"),
        ("Expected `int`, got `str` - at `$.data[...].x`", "Expected `int`, got `str`", "#/data"),
        ("Expected `str` of length <= 2 - at `key` in `$.data`", "Expected `str` of length <= 2", "#/data"),
        ("Object missing required field `x` - at `$[0]`", "Object missing required field `x`", "#/0/x"),
        ("Object contains unknown field `a`b`", "Object contains unknown field `a`b`", "#/a`b"),
        ("an edit has either - at `$`", "an edit has either", "#"),
        ("whatever", "whatever", "#"),
    ],
)
def test_pointers(message: str, what: str, pointer: str) -> None:
    fault = fault_in_body(ValueError(message))
    assert (fault.detail, fault.pointer) == (what, pointer)


def test_a_parameter_is_named() -> None:
    assert fault_in_parameters(ValueError("Expected `int` <= 9 - at `$.limit`")).parameter == "limit"
    assert fault_in_parameters(ValueError("no idea")).parameter is None
