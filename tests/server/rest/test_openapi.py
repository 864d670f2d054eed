"""The description: references that lead somewhere, patterns that others understand, and nothing undeclared."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from syncline_server.rest import openapi
from syncline_server.rest.operations import OPERATIONS
from syncline_server.rest.problems import MEDIA_TYPE, STATUS_OF


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document(OPERATIONS, "1.2.3")


def found(value: Any, name: str) -> Iterator[Any]:
    """Every value called `name`, however deep."""
    if isinstance(value, dict):
        yield from (one for key, one in value.items() if key == name)
        for one in value.values():
            yield from found(one, name)
    if isinstance(value, list):
        for one in value:
            yield from found(one, name)


def test_references_lead_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    named = {reference.rpartition("/")[2] for reference in found(document, "$ref")}
    assert named == set(document["components"]["schemas"])


def test_patterns_are_those_of_json_schema(document: dict[str, Any]) -> None:
    patterns = [one for one in found(document, "pattern") if isinstance(one, str)]
    assert patterns
    for pattern in patterns:
        re.compile(pattern)
        assert "\\A" not in pattern
        assert "\\Z" not in pattern


def test_it_says_what_it_is(document: dict[str, Any]) -> None:
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", "1.2.3")
    assert document["jsonSchemaDialect"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
def test_an_operation_is_described_as_it_is_declared(document: dict[str, Any], operation: Any) -> None:
    described = document["paths"][operation.path][operation.method.lower()]
    statuses = {str(status.value) for status in operation.answers} | {
        str(STATUS_OF[code].value) for code in operation.all_problems
    }
    assert set(described["responses"]) == statuses
    assert bool(described["security"]) == (operation.roles is not None)
    assert ("requestBody" in described) == (operation.body is not None)
    parameters = described.get("parameters", [])
    assert [one["name"] for one in parameters if one["in"] == "path"] == list(operation.path_parameters)
    assert {one["name"] for one in parameters if one["in"] == "query"} == set(operation.query.__struct_encode_fields__)
    for status, answer in described["responses"].items():
        if status[0] in "45" and int(status) not in operation.answers:
            assert list(answer["content"]) == [MEDIA_TYPE]
    assert ("WWW-Authenticate" in described["responses"].get("401", {}).get("headers", {})) == bool(operation.roles)
