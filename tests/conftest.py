"""The baselines of the benchmarks are tested, and test other things, too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
