"""What all tests share: Hypothesis' profiles.

`default` keeps one example search within seconds; `HYPOTHESIS_PROFILE=thorough` looks a hundred times longer. Neither
has a deadline per example: the machine that runs the tests also runs servers. A failure prints its blob; the example
becomes a regression test of its own (`@example`).
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
