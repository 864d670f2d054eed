"""What an operation is."""

from dataclasses import replace

from syncline_server.rest.declaration import PATH_PARAMETERS
from syncline_server.rest.operations import OPERATIONS
from syncline_server.rest.problems import ProblemCode

BY_ID = {operation.id: operation for operation in OPERATIONS}


def test_every_name_in_a_path_has_a_type() -> None:
    assert {name for operation in OPERATIONS for name in operation.path_parameters} <= set(PATH_PARAMETERS)
    assert BY_ID["remove_participant"].path_parameters == ("id", "user")


def test_problems_follow_from_what_is_declared() -> None:
    found = BY_ID["add_participant"].all_problems
    assert {ProblemCode.UNAUTHENTICATED, ProblemCode.FORBIDDEN, ProblemCode.NOT_FOUND, ProblemCode.INVALID} <= found
    assert {ProblemCode.TOO_LARGE, ProblemCode.MALFORMED, ProblemCode.UNSUPPORTED_MEDIA_TYPE} <= found
    assert BY_ID["health"].all_problems == {ProblemCode.INVALID}
    bodiless = replace(BY_ID["add_participant"], body=None)
    assert ProblemCode.TOO_LARGE not in bodiless.all_problems
