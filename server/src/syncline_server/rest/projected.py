"""What is answered from the projections: complete up to what was committed before the question.

They run behind the log. Whoever asks waits for them a while; an answer that lacks something is not given for a whole
one.
"""

from typing import Final

from syncline_server.hub import Hub
from syncline_server.projections.projections import Projections
from syncline_server.rest.problems import Problem, ProblemCode

WAIT_S: Final = 5.0
"""How long a question waits for the projections."""


async def projected(hub: Hub) -> Projections:
    """The projections, caught up. Raises `Problem` (unavailable) when they are not in time."""
    projections = hub.projections
    if not await projections.complete(timeout_s=WAIT_S):
        why = projections.failure or "they are being made of the log"
        raise Problem(ProblemCode.UNAVAILABLE, f"lists and searches are not complete at the moment: {why}")
    return projections
