"""Damaged files through the command line: no traceback, no hang, no lost results, flat memory.

    python benchmarks/fuzz.py                      # 2,000 inputs, about ten minutes on two cores
    python benchmarks/fuzz.py --cases 300 --seed 7
    python benchmarks/fuzz.py --only 7/41          # one case again, with what it said

Every case is one small input (`fuzz_inputs.py`), one file of which is changed: bytes flipped,
overwritten, cut off, doubled, a PNG's header behind a right checksum, a value of a JSON file. A
case passes where the verb ends with 0, or with a message and 1 or 2. It fails on an error that
nobody foresaw, on a crash, after 20 seconds, beyond 2 GB, where a file of the user's or a finished
result is gone, and where a damaged run is gone on with and gives other masks.
"""

import multiprocessing
import os
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from arguments import commit, parser

os.environ["OPENCV_LOG_LEVEL"] = "SILENT"  # as the command line has it, before OpenCV is loaded
from fuzz_inputs import INPUTS, Outcome, make_inputs, run_case

LIMIT_S, LIMIT_MB = 20.0, 2000
_POLL_S = 0.05


def main() -> int:
    """Parse, run the cases, print what failed; 1 if anything did."""
    arguments = parser(__doc__, data=False)
    arguments.add_argument("--cases", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", help="SEED/NUMBER of one case")
    arguments.add_argument("--inputs", nargs="+", choices=[*INPUTS], default=[*INPUTS])
    options = arguments.parse_args()
    seed, numbers = options.seed, range(options.cases)
    if options.only:
        seed, number = map(int, options.only.split("/"))
        numbers = range(number, number + 1)
    with TemporaryDirectory(prefix="propago-fuzz-") as place:
        folder = Path(place)
        make_inputs(folder / "inputs", options.inputs)
        begun = time.perf_counter()
        outcomes = run_cases(folder, options.inputs, seed, numbers)
        report(outcomes, seed, time.perf_counter() - begun)
    if options.only:
        print(outcomes[0])
    return int(any(outcome.failure for outcome in outcomes))


def run_cases(folder: Path, inputs: list[str], seed: int, numbers: range) -> list[Outcome]:
    """The outcome of each case; a worker that hangs, dies or grows is replaced."""
    worker, outcomes = Worker(folder, inputs, seed), []
    for number in numbers:
        outcome = worker.outcome_of(number)
        outcomes.append(outcome)
        if outcome.failure:
            print(f"{seed}/{number} {outcome.input}: {outcome.failure}", flush=True)
        if not worker.usable or outcome.peak_mb > LIMIT_MB:
            worker.end()
            worker = Worker(folder, inputs, seed)
    worker.end()
    return outcomes


class Worker:
    """A process of its own that runs one case after the other."""

    def __init__(self, folder: Path, inputs: list[str], seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, folder, inputs, seed))
        self._process.start()
        theirs.close()

    @property
    def usable(self) -> bool:
        """Whether the process lives and waits for a case."""
        return self._process.is_alive()

    def outcome_of(self, number: int) -> Outcome:
        """Run one case; a hang and a crash are outcomes, too."""
        self._connection.send(number)
        begun, which = time.perf_counter(), "?"
        while time.perf_counter() - begun < LIMIT_S:
            try:
                if self._connection.poll(_POLL_S):
                    said = self._connection.recv()
                    if isinstance(said, Outcome):
                        return said
                    begun, which = time.perf_counter(), said  # it starts now
            except (EOFError, OSError):
                self._process.join(5)
                return Outcome(which, failure=f"the process died ({self._process.exitcode})")
        self._process.kill()
        self._process.join()
        return Outcome(which, failure=f"nothing for {LIMIT_S:g} s")

    def end(self) -> None:
        """Let the process go."""
        self._process.kill()
        self._process.join()


def serve(connection: Connection, folder: Path, inputs: list[str], seed: int) -> None:
    """In the worker: numbers come, outcomes go."""
    while True:
        number = connection.recv()
        which = inputs[number % len(inputs)]
        connection.send(which)
        outcome = run_case(which, folder / "inputs" / which, folder / "work", f"{seed}/{number}")
        if outcome.peak_mb > LIMIT_MB and not outcome.failure:
            outcome = Outcome(**vars(outcome) | {"failure": f"{outcome.peak_mb} MB"})
        connection.send(outcome)


def report(outcomes: list[Outcome], seed: int, seconds: float) -> None:
    """Counts by input and ending, the slowest case and the most memory."""
    print(f"\ncommit {commit()}, seed {seed}, {len(outcomes)} cases, {seconds:.0f} s\n")
    print("| input | cases | read | refused | failed |\n|---|---|---|---|---|")
    for which in sorted({outcome.input for outcome in outcomes}):
        mine = Counter(o.ending for o in outcomes if o.input == which)
        shown = " | ".join(str(mine[ending]) for ending in ("read", "refused", "failed"))
        print(f"| {which} | {mine.total()} | {shown} |")
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    print(f"\n{failed} failed; slowest {max(o.seconds for o in outcomes):.1f} s, ", end="")
    print(f"most memory {max(o.peak_mb for o in outcomes)} MB")


if __name__ == "__main__":
    sys.exit(main())
