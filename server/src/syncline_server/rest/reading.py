"""Out of a request what its operation declares, strictly: no parameter or field that is not declared, none of another
type, no body over its limit.

Raises `Problem` with a pointer to what is wrong.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from syncline_protocol.names import is_id

from syncline_server.rest.declaration import PATH_PARAMETERS, Operation
from syncline_server.rest.problems import (
    Fault,
    Problem,
    ProblemCode,
    fault_in_body,
    fault_in_parameters,
)

BODY_BYTES_MAX: Final = 256 * 1024
"""A body: some records of `RECORD_BYTES_MAX`."""

JSON: Final = "application/json"

Parameters = TypeVar("Parameters", bound=msgspec.Struct)


def path(request: Request, operation: Operation) -> Mapping[str, str]:
    """The parameters in the path."""
    found: dict[str, str] = {}
    for name in operation.path_parameters:
        try:
            found[name] = msgspec.convert(request.path_params[name], PATH_PARAMETERS[name])
        except msgspec.ValidationError as error:
            raise _bad_parameter(Fault(detail=str(error), parameter=name)) from error
        if name == "id" and not is_id(found[name]):  # dots alone
            raise Problem(ProblemCode.NOT_FOUND, f"nothing is called {found[name]}")
    return found


def query(request: Request, kind: type[Parameters]) -> Parameters:
    """The parameters after the `?`. Each stands there once at most."""
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in values:
            raise _bad_parameter(Fault(detail=f"`{name}` stands there twice", parameter=name))
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _bad_parameter(fault_in_parameters(error)) from error


def bad_parameter(name: str, detail: str) -> Problem:
    """The problem that one parameter is: for what a type cannot say."""
    return _bad_parameter(Fault(detail=detail, parameter=name))


def _bad_parameter(fault: Fault) -> Problem:
    where = f" `{fault.parameter}`" if fault.parameter else ""
    return Problem(ProblemCode.INVALID, f"the parameter{where} is not as expected: {fault.detail}", faults=[fault])


async def body(request: Request, operation: Operation) -> Any:
    """The body, as a value of the type that is declared."""
    data = await _bytes(request)
    if not data and not operation.body_required:
        return operation.body()
    _check_media_type(request.headers)
    if not data:
        raise Problem(ProblemCode.MALFORMED, "the body is missing: send JSON")
    try:
        return _decoded(data, operation.body)
    except msgspec.ValidationError as error:
        fault = fault_in_body(error)
        raise Problem(ProblemCode.INVALID, f"the body is not as expected: {error}", faults=[fault]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(ProblemCode.MALFORMED, f"the body is not JSON: {error}") from error


def _decoded(data: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        whole = _whole(msgspec.json.decode(data))
        return msgspec.convert(whole, kind)


def _whole(value: Any) -> Any:
    """The value with 1.0 as 1: to JSON Schema either is an integer, and some languages know no other numbers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _check_media_type(headers: Headers) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != JSON or charset not in ("", "utf-8"):
        detail = f"the body is to be {JSON}, in UTF-8: send `Content-Type: {JSON}`"
        raise Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept": JSON})


async def _bytes(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES_MAX:
            raise Problem(ProblemCode.TOO_LARGE, f"the body is over {BODY_BYTES_MAX} bytes")
    return bytes(data)
