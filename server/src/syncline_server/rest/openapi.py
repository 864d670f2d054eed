"""`/openapi.json`: the list of operations as OpenAPI 3.1, its schemas as JSON Schema 2020-12.

Made from the same declarations that requests are read by and answers are checked against.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import UnionType
from typing import Any, Final, get_args

import msgspec

from syncline_server.rest import problems
from syncline_server.rest.declaration import PATH_PARAMETERS, Operation
from syncline_server.rest.problems import COMES_BACK, STATUS_OF, ProblemCode, ProblemDetails
from syncline_server.rest.reading import JSON
from syncline_server.rest.records import BESIDES

VERSION: Final = "3.1.0"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: Final = "#/components/schemas/{name}"

DESCRIPTION: Final = """\
Conversations and tickets for programs that want to ask once. What is written here passes the same checks as what \
devices write, and every device sees it. Errors are problem details (RFC 9457)."""


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The whole description."""
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Syncline",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


class _Schemas:
    """The schema of every type that occurs, named once."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        kinds = [ProblemDetails, *PATH_PARAMETERS.values()]
        for operation in operations:
            kinds.append(operation.query)
            kinds += [one for answer in operation.answers.values() for one in _structs(answer)]
            kinds += [] if operation.body is None else [operation.body]
        self._kinds = list({id(kind): kind for kind in kinds}.values())
        found, components = msgspec.json.schema_components(self._kinds, ref_template=REFERENCE)
        self._found: dict[int, dict[str, Any]] = {
            id(kind): _portable(schema) for kind, schema in zip(self._kinds, found, strict=True)
        }
        queries = {operation.query for operation in operations}
        self._queries = {kind: components.pop(self._found[id(kind)]["$ref"].rpartition("/")[2]) for kind in queries}
        self.components: dict[str, Any] = _portable(components)
        for schema in self.components.values():
            schema.update(BESIDES.get(_sent_type(schema), {}))

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, or a reference to it."""
        return self._found[id(kind)]

    def query(self, kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
        """The parameters that a query's struct stands for."""
        schema = _portable(self._queries[kind])
        required = set(schema.get("required", ()))
        return [
            {"name": name, "in": "query", "required": name in required, **_described(field)}
            for name, field in schema.get("properties", {}).items()
        ]


def _sent_type(schema: Mapping[str, Any]) -> str:
    """The type of record whose form of being sent this is the schema of; '' for any other."""
    types = schema.get("properties", {}).get("type", {}).get("enum", [""])
    return str(types[0]) if schema.get("title", "").startswith("New") else ""


def _described(field: dict[str, Any]) -> dict[str, Any]:
    """A field's description belongs to the parameter."""
    schema = dict(field)
    description = schema.pop("description", None)
    return {"schema": schema} if description is None else {"description": description, "schema": schema}


def _structs(answer: Any) -> tuple[Any, ...]:
    if answer is None or isinstance(answer, str):
        return ()
    return get_args(answer) if isinstance(answer, UnionType) else (answer,)


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": schemas.of(PATH_PARAMETERS[name])}
        for name in operation.path_parameters
    ]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": f"For: {operation.who}.",
        "responses": _responses(operation, schemas),
        "security": [] if operation.roles is None else [{"token": []}],
    }
    headers = [
        {"name": name, "in": "header", "description": what, "schema": {"type": "string"}}
        for name, what in operation.request_headers.items()
    ]
    if parameters := path + schemas.query(operation.query) + headers:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of(operation.body)}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    found: dict[int, dict[str, Any]] = {}
    for status, codes in _by_status(operation.all_problems).items():
        content = {problems.MEDIA_TYPE: {"schema": schemas.of(ProblemDetails)}}
        found[status.value] = {"description": " or ".join(f"`{code}`" for code in codes), "content": content}
        if headers := _headers_of(codes):
            found[status.value]["headers"] = headers
    for status, answer in operation.answers.items():
        found[status.value] = {"description": status.phrase}
        if content := _content(answer, schemas):
            found[status.value]["content"] = content
        if operation.headers:
            found[status.value]["headers"] = {name: _header(what) for name, what in operation.headers.items()}
    return {str(status): found[status] for status in sorted(found)}


def _by_status(codes: frozenset[ProblemCode]) -> Mapping[HTTPStatus, list[ProblemCode]]:
    found: dict[HTTPStatus, list[ProblemCode]] = {}
    for code in sorted(codes):
        found.setdefault(STATUS_OF[code], []).append(code)
    return found


def _headers_of(codes: Sequence[ProblemCode]) -> dict[str, Any]:
    if ProblemCode.UNAUTHENTICATED in codes:
        return {"WWW-Authenticate": _header("how to say who you are")}
    if COMES_BACK & set(codes):
        schema = {"type": "integer", "minimum": 1}
        return {"Retry-After": {"description": "seconds to wait", "required": True, "schema": schema}}
    return {}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": "string"}}


def _content(answer: Any, schemas: _Schemas) -> dict[str, Any]:
    if answer is None:
        return {}
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "object" if answer == JSON else "string"}}}
    one_of = [schemas.of(struct) for struct in _structs(answer)]
    return {JSON: {"schema": one_of[0] if len(one_of) == 1 else {"anyOf": one_of}}}


def _portable(schema: Any) -> Any:
    r"""JSON Schema's patterns are ECMA-262: `^` and `$` stand for Python's `\A` and `\Z`."""
    if isinstance(schema, list):
        return [_portable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    portable = {name: _portable(value) for name, value in schema.items()}
    pattern = portable.get("pattern")
    if isinstance(pattern, str):
        portable["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$")
    return portable
