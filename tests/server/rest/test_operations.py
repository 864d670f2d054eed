"""The list of operations, and its description over HTTP."""

import httpx
from support.running import Running
from syncline_server.rest.operations import OPERATIONS


def test_ids_and_routes_are_unique() -> None:
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)


def test_all_but_a_few_want_a_token() -> None:
    public = {operation.path for operation in OPERATIONS if operation.roles is None}
    assert public == {"/healthz", "/readyz", "/metrics", "/openapi.json"}


async def test_the_description_is_served_and_names_every_operation(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.http) as client:
        answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    described = {
        (method.upper(), path): operation["operationId"]
        for path, methods in answer.json()["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {(operation.method, operation.path): operation.id for operation in OPERATIONS}
