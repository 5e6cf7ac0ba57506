"""Before torch is imported: paths, and the share of the processor of each of several processes.

The baselines of the benchmarks are tested, and test other things, too.
"""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if processes > 1:
    share = max(1, (os.cpu_count() or 1) // processes)
    os.environ.setdefault("OMP_NUM_THREADS", str(share))


def pytest_runtest_setup():
    """A test draws the same numbers in whatever process it runs, and behind whatever others."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
