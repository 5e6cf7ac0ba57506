"""`propago track`: identities restored, carried between detections, speed. Tables in one run.

    python benchmarks/track.py --data ../shared/data

`identity`: the true masks of a microscopy sequence, their ids shuffled in every frame. `carry`: the
true masks of every fifth frame of DAVIS sequences; what is made of the frames between. `speed`:
association alone, and everything with label maps as detections. `memory`: of long runs.
"""

import csv
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

import propago
from arguments import commit, parser
from propago.association.iou import IouAssociator
from propago.components import ASSOCIATORS, load_component
from propago.detections import Detections
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_labels, write_mask
from propago.io.pictures import write_picture
from propago.jobs.options import TrackOptions
from propago.jobs.track import TrackResult, track
from propago.metrics.hota import IdentityScore, combine_identity
from propago.metrics.identity import identity_of_labels

KINDS = ("identity", "carry", "speed", "memory")
CELLS = "cells_dic_hela"
BY_PLACE = ("iou", "bytetrack", "cells")
"""The associators that need no embeddings."""
EVERY = 5
SIZE = (480, 854)
CROWDS = (5, 20, 100, 300)
LONG = (200, 2000)


def main() -> None:
    """Parse, measure what was asked for, print."""
    arguments = parser(__doc__, set_name="val", only=KINDS)
    arguments.add_argument("--carry", default="feelvos", help="what carries, in `carry`")
    arguments.add_argument("--frames", type=int, help="peak memory of one run over so many frames")
    options = arguments.parse_args()
    if options.frames:
        print(f"{peak_mb(options.frames):.0f}")
        return
    print(f"propago {propago.__version__}, commit {commit()}\n")
    wanted = KINDS if options.only is None else (options.only,)
    with TemporaryDirectory() as place:
        if "identity" in wanted:
            measure_identity(options.data / CELLS, Path(place) / "cells")
        if "carry" in wanted:
            measure_carry(options.data / "davis", options.set, options.carry, Path(place) / "davis")
        if "speed" in wanted:
            measure_speed(Path(place) / "speed")
    if "memory" in wanted:
        measure_memory()


def measure_identity(cells: Path, place: Path) -> None:
    """What each associator makes of true masks whose ids mean nothing."""
    paths = sorted((cells / "masks").iterdir())
    rng = np.random.default_rng(0)
    for path in paths:
        write_to(place / "shuffled" / path.name, shuffled(read_labels(path), rng))
    true = divisions(line.split() for line in (cells / "man_track.txt").read_text().splitlines())
    print(f"| associator ({len(paths)} frames) | HOTA | AssA | MOTA | switches | tracks |", end="")
    print(f" divisions, of {len(true)} | invented |\n|---|---|---|---|---|---|---|---|")
    for name in BY_PLACE:
        result = track(
            cells / "frames",
            place / "shuffled",
            associator=name,
            out=place / name,
            options=TrackOptions(overlay=False),
        )
        score, made = score_of(result, paths), divisions(lineage(result.table))
        print(
            f"| {name} | {score.hota:.3f} | {score.ass_a:.3f} | {score.mota:.3f} | "
            f"{len(score.switches)} | {len(result.ids)} | {len(made & true)} | "
            f"{len(made - true)} |",
            flush=True,
        )
    print()


def divisions(tracks: Iterable[Sequence[str | int]]) -> set[int]:
    """The frames at which two or more parts of one cell begin; of (id, first, last, parent)."""
    begun = Counter((int(parent), int(first)) for _, first, _, parent in tracks if int(parent))
    return {first for (_, first), parts in begun.items() if parts > 1}


def lineage(table: Path) -> list[tuple[str, str, str, str]]:
    """Id, first frame, last frame and parent of each track in tracks.csv."""
    first, last, parent = {}, {}, {}
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            first.setdefault(row["id"], row["frame"])
            last[row["id"]], parent[row["id"]] = row["frame"], row["parent"] or "0"
    return [(i, first[i], last[i], parent[i]) for i in first]


def measure_carry(davis: Path, set_name: str, carry: str, place: Path) -> None:
    """True masks of every fifth frame: left alone, carried by flow, carried by a method."""
    print(f"| detections in every {EVERY}th frame, {set_name} | HOTA | DetA | AssA | frames/s |")
    print("|---|---|---|---|---|")
    for name in ("none", "optical_flow", carry):
        scores, frames, seconds = [], 0, 0.0
        for source in open_davis(davis, Path(set_name)):
            truth = sorted(davis_annotations(davis, source.name).glob("*.png"))
            result = track(
                source.path,
                {path.stem: read_labels(path) for path in truth[::EVERY]},
                carry=name,
                out=place / name / source.name,
                options=TrackOptions(overlay=False, detect_every=EVERY if name != "none" else 1),
            )
            scores.append(score_of(result, truth))
            frames, seconds = frames + result.frames, seconds + result.seconds
        score = combine_identity(scores)
        print(
            f"| {name} | {score.hota:.3f} | {score.det_a:.3f} | {score.ass_a:.3f} | "
            f"{frames / seconds:.1f} |",
            flush=True,
        )
    print()


def measure_speed(place: Path) -> None:
    """Association alone by the number of instances; everything, with label maps as detections."""
    print("| instances in a frame of 854x480 | `iou` alone, CPU ms a frame | `cells` |")
    print("|---|---|---|")
    for count in CROWDS:
        found = [Detections.from_labels(labels) for labels in crowd(count, 12)]
        times = [milliseconds(load_component(ASSOCIATORS, n, n), found) for n in ("iou", "cells")]
        print(f"| {count} | {times[0]:.1f} | {times[1]:.1f} |", flush=True)
    print("\n| label maps -> everything, 100 frames of 854x480 | frames/s | without overlay |")
    print("|---|---|---|")
    for count in CROWDS[:2]:
        write_clip(place / str(count), count, 100)
        speeds = [
            tracked(place / str(count), f"{overlay}", overlay=overlay).frames_per_s
            for overlay in (True, False)
        ]
        print(f"| {count} instances | {speeds[0]:.1f} | {speeds[1]:.1f} |", flush=True)
    print()


def measure_memory() -> None:
    """Peak memory of runs of two lengths, each in a process of its own."""
    print("| frames of 854x480, 5 instances | peak MB |\n|---|---|")
    for frames in LONG:
        command = [sys.executable, __file__, "--frames", str(frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"| {frames} | {done.stdout.strip()} |", flush=True)


def peak_mb(frames: int) -> float:
    """Of one run with an overlay, in this process."""
    with TemporaryDirectory() as place:
        write_clip(Path(place), CROWDS[0], frames)
        tracked(Path(place), "out", overlay=True)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tracked(place: Path, out: str, *, overlay: bool) -> TrackResult:
    """The clip that `write_clip` wrote."""
    options = TrackOptions(overlay=overlay)
    return track(place / "frames", place / "found", out=place / out, options=options)


def milliseconds(associator: IouAssociator, found: list[Detections]) -> float:
    """CPU time of a frame, the first left out."""
    _, state = associator.associate(associator.begin(), found[0])
    begun = time.process_time()
    for detections in found[1:]:
        _, state = associator.associate(state, detections)
    return 1000 * (time.process_time() - begun) / (len(found) - 1)


def shuffled(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same objects, called 1 to their number in a random order."""
    ids = np.unique(labels)[1:]
    table = np.zeros(int(labels.max()) + 1, np.uint16)
    table[ids] = rng.permutation(len(ids)) + 1
    return table[labels]


def crowd(count: int, frames: int) -> Iterator[np.ndarray]:
    """Label maps of ellipses that drift over a frame, a cell of a grid each."""
    rng = np.random.default_rng(count)
    across = int(np.ceil(np.sqrt(count * SIZE[1] / SIZE[0])))
    down = int(np.ceil(count / across))
    radius = min(SIZE[0] // down, SIZE[1] // across) // 3
    places = [((n % across + 0.5) * SIZE[1] / across, (n // across + 0.5) * SIZE[0] / down)
              for n in range(count)]  # fmt: skip
    centres, speeds = np.array(places), rng.uniform(-radius / 8, radius / 8, (count, 2))
    for t in range(frames):
        labels = np.zeros(SIZE, np.uint16)
        drift = radius / 3 * np.sin(t * speeds / radius)
        for n, (x, y) in enumerate((centres + drift).round().astype(int).tolist(), 1):
            cv2.ellipse(labels, (x, y), (radius, radius * 2 // 3), 0, 0, 360, n, -1)
        yield labels


def write_clip(place: Path, count: int, frames: int) -> None:
    """Frames, and label maps whose ids mean nothing."""
    rng, ground = np.random.default_rng(0), np.linspace(40, 120, SIZE[1])
    (place / "frames").mkdir(parents=True)
    for t, labels in enumerate(crowd(count, frames)):
        picture = np.where(labels, 160, ground)[..., None].repeat(3, 2).astype(np.uint8)
        write_picture(place / "frames" / f"{t:05d}.png", picture)
        write_to(place / "found" / f"{t:05d}.png", shuffled(labels, rng))


def write_to(path: Path, labels: np.ndarray) -> None:
    """A label map in a folder that may not be there yet."""
    with suppress(FileExistsError):
        path.parent.mkdir(parents=True)
    write_mask(path, labels)


def score_of(result: TrackResult, truth: Iterable[Path]) -> IdentityScore:
    """Its label maps against the true ones."""
    pairs = ((read_labels(path), read_labels(result.masks / f"{path.stem}.png")) for path in truth)
    return identity_of_labels(pairs, result.name)


if __name__ == "__main__":
    main()
