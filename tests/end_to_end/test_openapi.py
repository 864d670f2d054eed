"""A generic tester reads `/openapi.json` and tries everything, as a customer, an agent and an admin: no server error,
no answer that is not described, nothing accepted that is not declared, nothing declared that is not accepted.

`HYPOTHESIS_PROFILE=thorough` tries more. What it found once stands in the tests of the modules concerned.
"""

import os
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, GenerationMode
from support.server import ServerProcess
from syncline_server.rest import openapi
from syncline_server.rest.operations import OPERATIONS

ROLES: Final = {"cus": "customer", "agent-of-this-test": "agent", "admin-of-this-test": "admin"}
"""Who tries. Names that no generated request logs out by chance."""

THOROUGH: Final = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"

EXAMPLES: Final = 200 if THOROUGH else 10
"""Requests made up for each operation; each is sent by everybody."""

CONFIG: Final = schemathesis.Config.from_dict(
    {
        "phases": {"coverage": {"enabled": THOROUGH}, "examples": {"enabled": False}, "stateful": {"enabled": False}},
        "operations": [
            # A group goes with the view `group` only, words of a message end behind their start, a period begins before
            # it ends: no schema says so.
            {"include-path-regex": path, "checks": {"positive_data_acceptance": {"enabled": False}}}
            for path in ("^/v1/inbox", "^/v1/metrics", "/events$")
        ],
    }
)

api = schemathesis.openapi.from_dict(openapi.document(OPERATIONS, "0"), config=CONFIG)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a conversation and a ticket of the customer who tries."""
    with ServerProcess(tmp_path_factory.mktemp("openapi") / "data", "--durability", "normal") as started:
        headers = {"Authorization": f"Bearer {started.token('mei', 'agent')}"}
        with httpx.Client(base_url=started.http, headers=headers) as mei:
            new = {"subject": "wifi", "channel": "chat", "customer": "cus", "id": "there"}
            assert mei.post("/v1/conversations", json=new).is_success
            text = {"type": "text", "text": "my tablet MX-200 shows error code E-1234"}
            assert mei.post("/v1/conversations/there/messages", json=text).is_success
            assert mei.post("/v1/conversations/there/tickets", json={"id": "there"}).is_success
        yield started


@pytest.mark.usefixtures("no_collection")
@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_is_described_is_what_is_served(case: Case[Any], server: ServerProcess) -> None:
    for user, role in ROLES.items():
        headers = {"Authorization": f"Bearer {server.token(user, role)}"}
        for id_ in _ids(case):
            if id_ is not None:
                case.path_parameters["id"] = id_
            case.call_and_validate(base_url=server.http, headers=headers)


def _ids(case: Case[Any]) -> list[Any]:
    """The id in the path as it was made up; and where the request is to be a good one, one that exists."""
    is_good = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
    return [None, "there"] if is_good and "id" in case.path_parameters else [None]
