"""Who finds and follows instances best: detectors, associators and carrying. Tables in one run.

    python benchmarks/identities.py --data ../shared/data --set val

`davis`: the objects of a set that have a class, found by a detector and followed in several ways.
`lookalikes`: clips in which copies of one cat of a held-out picture cross each other, from true
masks and from what the detector finds.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

import propago
from arguments import commit, parser
from propago.association.carry import Carry, CarrySettings
from propago.association.iou import IouAssociator
from propago.components import DETECTORS, load_carrier, load_component
from propago.data.cutouts import cut_out, filled, instances
from propago.data.instance_sets import instances_of_davis
from propago.data.instances import InstanceStill
from propago.data.layers import Layer, Part, render
from propago.data.motion import Path as Course
from propago.data.sources import with_held_out
from propago.detections import Detections
from propago.io.categories import CATEGORY_IDS
from propago.jobs.track_parts import OWN_SCORE
from propago.methods.masktrack_rcnn.run import MaskTrackDetector
from propago.metrics.hota import FrameOverlap, combine_identity, identity_score
from propago.metrics.identity import overlap_of_labels
from propago.nn.inference import for_detector
from propago.training.recipe import read_recipe
from propago.types import Frame

KINDS = ("davis", "lookalikes")
DOUBTFUL, SURE = 0.1, OWN_SCORE
"""What bytetrack and carrying look at, and what begins an instance: as in `propago track`."""

WAYS = {
    "iou": lambda: {"associator": IouAssociator.load(SURE)},
    "bytetrack": lambda: {"associator": IouAssociator.in_two_passes(SURE)},
    "masktrack": lambda: {"associator": "masktrack"},
    "carry feelvos, every 5": lambda: {"carry": carry(), "detect_every": 5},
}
CLIP = (40, 320, 480)
COPIES = 3


@dataclass
class Way:
    """One way of following, over all sequences.

    Attributes:
        name: in `WAYS`.
        seconds: without the detector's.
        looks: frames in which the detector looked.
        overlaps: of the present sequence.
        scores: of the finished sequences.
        best: J of the best track of each object.
    """

    name: str
    seconds: float = 0.0
    looks: int = 0
    overlaps: list[FrameOverlap] = field(default_factory=list)
    scores: list = field(default_factory=list)
    best: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.options = WAYS[self.name]()
        self.first = propago.Tracker(**self.options)

    def begin(self) -> None:
        """Forget the sequence before."""
        self.tracker, self.overlaps, self.place = self.first.fork(), [], 0

    def step(self, frame: Frame, found: Detections, truth: np.ndarray) -> None:
        """Follow what was found in a frame, and compare with the truth."""
        doubtful = self.name == "bytetrack" or "carry" in self.options
        chosen = found if doubtful else found[found.confidence >= SURE]
        looks = self.place % self.options.get("detect_every", 1) == 0
        begun = time.perf_counter()
        result = self.tracker.update(chosen if looks else None, frame)
        self.seconds += time.perf_counter() - begun
        self.place, self.looks = self.place + 1, self.looks + looks
        self.overlaps.append(overlap_of_labels(truth, result.labels))

    def end(self, name: str) -> None:
        """Score the sequence."""
        self.scores.append(identity_score(self.overlaps, name))
        objects = {i for overlap in self.overlaps for i in overlap.gt_ids}
        self.best += [best_track(self.overlaps, i) for i in sorted(objects)]


def main() -> None:
    arguments = parser(__doc__, set_name="val", only=KINDS, threads=1)
    arguments.add_argument("--detectors", nargs="+", default=["mask_rcnn", "masktrack_rcnn"])
    arguments.add_argument("--weights", default="default", help="of masktrack_rcnn")
    arguments.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    arguments.add_argument("--clips", type=int, default=12, help="of look-alikes")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    print(f"propago {propago.__version__}, commit {commit()}\n")
    wanted = KINDS if options.only is None else (options.only,)
    if "davis" in wanted:
        measure_davis(options)
    if "lookalikes" in wanted:
        measure_lookalikes(options)


def measure_davis(options) -> None:
    """Objects with a class; what has none is void, and other things are not annotated."""
    print(f"| {options.set} | HOTA | DetA | AssA | J of the best track | switches | frames/s |")
    print("|---|---|---|---|---|---|---|")
    sequences: dict[str, list[InstanceStill]] = {}
    for still in instances_of_davis(options.data / "davis", options.set):
        sequences.setdefault(still.sequence, []).append(still)
    for name in options.detectors:
        detector = loaded(name, options.weights)
        ways = {n: Way(n) for n in options.ways if n != "masktrack" or "track" in name}
        clips = ((n, frames_of(stills)) for n, stills in sequences.items())
        frames, seconds = follow(clips, lambda frame, _, own=detector: own(frame), ways.values())
        for label, way in ways.items():
            score = combine_identity(way.scores)
            spent = seconds * way.looks / frames + way.seconds
            print(
                f"| {name}, {label} | {score.hota:.3f} | {score.det_a:.3f} | {score.ass_a:.3f} | "
                f"{np.mean(way.best):.3f} | {len(score.switches)} | {frames / spent:.1f} |",
                flush=True,
            )
    print()


def measure_lookalikes(options) -> None:
    """True masks of what is seen, with embeddings where a network gives some; then found ones."""
    data = read_recipe("mask-rcnn-compact").data
    (cats,) = (line for line in with_held_out(data) if line.name == "cats")
    stills = cats.held_out(options.data).instances()
    detector = loaded("masktrack_rcnn", options.weights)
    print(
        f"| {options.clips} clips of {COPIES} look-alikes | switches in 100 frames | AssA | HOTA |"
    )
    print("|---|---|---|---|")
    finders = {
        "true masks": lambda frame, labels: true_detections(detector, frame, labels),
        "found": lambda frame, _: detector(frame),
    }
    for label, find in finders.items():
        ways = {n: Way(n) for n in options.ways}
        clips = ((str(n), lookalikes(stills, n)) for n in range(options.clips))
        frames, _ = follow(clips, find, ways.values())
        for name, way in ways.items():
            score = combine_identity(way.scores)
            rate = 100 * len(score.switches) / frames
            print(
                f"| {label}, {name} | {rate:.1f} | {score.ass_a:.3f} | {score.hota:.3f} |",
                flush=True,
            )
    print()


def carry() -> Carry:
    """As `propago track --carry feelvos`."""
    return Carry(load_carrier("feelvos", device="cpu"), CarrySettings(min_confidence=SURE))


Clips = Iterator[tuple[str, Iterator[tuple[Frame, np.ndarray]]]]


def follow(clips: Clips, find: Callable, ways: Collection[Way]) -> tuple[int, float]:
    """Every way over all clips, on the same detections; frames, and seconds of finding."""
    frames, seconds = 0, 0.0
    for name, pairs in clips:
        for way in ways:
            way.begin()
        for frame, truth in pairs:
            begun = time.perf_counter()
            found = find(frame, truth)
            seconds += time.perf_counter() - begun
            frames += 1
            for way in ways:
                way.step(frame, found, truth)
        for way in ways:
            way.end(name)
    return frames, seconds


def loaded(name: str, weights: str):
    own = weights if name == "masktrack_rcnn" else "default"
    settings = {"weights": own, "min_confidence": DOUBTFUL, "device": "cpu"}
    return load_component(DETECTORS, name, "`detector`", **settings)


def frames_of(stills: Sequence[InstanceStill]) -> Iterator[tuple[Frame, np.ndarray]]:
    """Frames and label maps of a sequence; what has no class is void."""
    for n, still in enumerate(stills):
        image, _ = still.read()
        yield as_frame(image, n), still.read_ids()


def as_frame(image: np.ndarray, index: int) -> Frame:
    picture = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    return Frame(picture, index, f"{index:05d}")


def true_detections(detector: MaskTrackDetector, frame: Frame, labels: np.ndarray) -> Detections:
    """What is seen of each object, in random order, with the network's embeddings."""
    found = Detections.from_labels(labels)
    order = np.random.default_rng(frame.index).permutation(len(found))
    images, size = for_detector(frame.image, detector.size)
    boxes = found.boxes_xyxy[order] * np.tile(np.divide(size, frame.size)[::-1], 2)
    with torch.no_grad():
        net = detector.net
        told = net.embeddings(net.detector.levels(images), [torch.from_numpy(boxes).float()])
    classes = np.full(len(found), CATEGORY_IDS["cat"])
    return replace(found[order], ids=None, classes=classes, embeddings=told.numpy())


def lookalikes(stills: Sequence[InstanceStill], seed: int) -> Iterator[tuple[Frame, np.ndarray]]:
    """A clip in which copies of one cat cross each other before another picture."""
    rng = np.random.default_rng(seed)
    frames, height, width = CLIP
    rgba = large_cat(stills, rng)
    image, ids = stills[int(rng.integers(len(stills)))].read()
    canvas = filled(image, (ids > 0).astype(np.uint8))
    scale = np.log(0.5 * height / max(rgba.shape[:2]))
    layers = []
    for n in range(COPIES):
        side = -1 if n % 2 else 1
        begin = np.array([side * rng.uniform(0.25, 0.4) * width, (n - 1) * 0.15 * height, 0, scale])
        drift = np.array([-2 * begin[0] / frames * rng.uniform(0.8, 1.2), rng.normal(0, 0.5), 0, 0])
        swing = np.array([0, rng.uniform(2, 10), 0.05, 0])
        course = Course(begin, drift, swing, rng.uniform(0.1, 0.4), rng.uniform(0, 6.28))
        layers.append(Layer((Part(rgba, np.eye(3)),), course, n + 1))
    still = np.zeros(4)
    camera = Course(np.array([width / 2, height / 2, 0, 0]), still, still, 0, 0)
    images, labels = render(CLIP, canvas, camera, layers)
    for t, (picture, truth) in enumerate(zip(images, labels, strict=True)):
        yield as_frame(picture, t), truth


def large_cat(stills: Sequence[InstanceStill], rng: np.random.Generator) -> np.ndarray:
    """The largest cat of a picture, cut out."""
    while True:
        image, ids = stills[int(rng.integers(len(stills)))].read()
        ids = ids.astype(np.uint8)
        there = instances(ids)
        if there:
            largest = max(there, key=lambda i: np.count_nonzero(ids == i))
            return cut_out(image, (ids == largest).astype(np.uint8))[0]


def best_track(overlaps: Sequence[FrameOverlap], object_id: int) -> float:
    """The highest J of a track with the object, a mean over the frames that show the object."""
    sums: dict[int, float] = {}
    frames = 0
    for overlap in overlaps:
        if object_id not in overlap.gt_ids:
            continue
        frames += 1
        row = overlap.iou[overlap.gt_ids.index(object_id)]
        for i, iou in zip(overlap.predicted_ids, row.tolist(), strict=True):
            sums[i] = sums.get(i, 0.0) + iou
    return max(sums.values(), default=0.0) / frames


if __name__ == "__main__":
    main()
