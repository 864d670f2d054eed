"""Makes `benchmarks` importable: it is run from the checkout (`python -m benchmarks`), and installed nowhere."""

import sys

from support.checkout import ROOT

sys.path.append(str(ROOT))
