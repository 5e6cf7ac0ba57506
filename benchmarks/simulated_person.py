"""A simulated person who corrects what a method follows, frame by frame.

After the robot of Caelles et al., "The 2018 DAVIS Challenge on Video Object Segmentation".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.metrics.davis import region_similarity, score_frame
from propago.ops.both_ways import Stretch, mixed, stretches
from propago.ops.clicks import next_click
from propago.ops.image import image_to_rgb
from propago.ops.object_size import longer_side_px
from propago.pipeline import Checkpoint, Segmented, segment_frames
from propago.prompts import Prompt, Prompter
from propago.runs.both_ways import back_from
from propago.training.validate_prompter import overlap
from propago.types import VOID, Annotation, Annotations, Frame, Propagator, SoftMasks

RIGHT = 0.9
"""J of an object with which the person is content."""


@dataclass
class Work:
    """A sequence that is followed, corrected, and followed again.

    Attributes:
        frames: all of them.
        truths: (H, W) label map of each.
        ids: the objects of the first frame.
        method: what follows them.
        both_ways: corrections are followed backwards, too.
        given: what the person has said so far, by frame.
        looked_at: the frames that the person has looked at.
        labels: what is found in each frame.
        forwards: what was followed to each frame from those before.
        backwards: by frame that was drawn on, what was followed from it to earlier ones.
    """

    frames: list[Frame]
    truths: list[np.ndarray]
    ids: list[int]
    method: Propagator
    both_ways: bool
    given: dict[int, Annotation]
    looked_at: set[int] = field(default_factory=lambda: {0})
    labels: list[np.ndarray] = field(default_factory=list)
    forwards: list[Segmented] = field(default_factory=list)
    backwards: dict[int, dict[int, SoftMasks]] = field(default_factory=dict)

    def follow(self, start: int) -> None:
        """Follow on from frame `start`, and back from it."""
        before = self.forwards[start - 1].checkpoint if start else None
        del self.forwards[start:]
        self.forwards.extend(self._loop(self.given, self.frames[start:], before))
        between = stretches(self.given) if self.both_ways else []
        for stretch in between:
            if stretch.last not in self.backwards:
                self.backwards[stretch.last] = self._followed_back(stretch)
        self.labels = [self._mixed(result, between) for result in self.forwards]

    def _followed_back(self, stretch: Stretch) -> dict[int, SoftMasks]:
        """What is followed back from a frame that was drawn on, by frame."""
        turned = self.frames[stretch.last : stretch.first : -1]
        frames = [replace(frame, index=n) for n, frame in enumerate(turned)]
        loop = back_from(
            self.given[stretch.last],
            stretch.known(self.given),
            self.frames.__getitem__,
            lambda given: partial(self._loop, given),
        )
        return {stretch.last - n: result.masks for n, result in enumerate(loop(frames, None))}

    def _loop(
        self, given: Annotations, frames: Iterable[Frame], resume: Checkpoint | None
    ) -> Iterator[Segmented]:
        return segment_frames(frames, given, self.method, resume=resume)

    def _mixed(self, result: Segmented, between: Sequence[Stretch]) -> np.ndarray:
        masks, index = result.masks, result.frame.index
        for stretch in between:
            if shares := stretch.shares(index):
                masks = mixed(masks, self.backwards[stretch.last][index], shares)
        return masks.labels()

    def j(self, index: int) -> np.ndarray:
        """J of each object in a frame."""
        return region_similarity(self.truths[index], self.labels[index], self.ids)

    def left_for_good(self, object_id: int, index: int) -> bool:
        """Whether an object is in no frame from `index` on."""
        return not any((truth == object_id).any() for truth in self.truths[index:])

    def score(self) -> float:
        """J&F, the mean over objects and frames, first and last frame left out as by DAVIS."""
        pairs = list(zip(self.truths, self.labels, strict=True))[1:-1]
        return float(np.mean([score_frame(*pair, self.ids) for pair in pairs]))


@dataclass(frozen=True)
class Person:
    """Who clicks.

    Attributes:
        prompter: what answers.
        clicks: at most so many at a time.
        undoes: takes back what makes a mask worse.
        one_object: corrects one of a frame, the worst, not all.
    """

    prompter: Prompter
    clicks: int
    undoes: bool
    one_object: bool

    def chosen(self, work: Work) -> tuple[int, list[int]] | None:
        """The worst frame that was not looked at yet, and the objects to correct, the worst first.

        None where all were.
        """
        seen = {n: work.j(n) for n in range(len(work.truths)) if n not in work.looked_at}
        if not seen:
            return None
        of_frame = np.min if self.one_object else np.mean
        index = min(seen, key=lambda n: float(of_frame(seen[n])))
        worst_first = [work.ids[row] for row in np.argsort(seen[index], kind="stable")]
        return index, worst_first[: 1 if self.one_object else None]

    def corrected(
        self, image: np.ndarray, mask: np.ndarray, known: np.ndarray, longer_side_px: float | None
    ) -> np.ndarray:
        """(H, W) bool: a mask of an object in `image` (H, W, 3) after clicks.

        `known` is (H, W) uint8: 1 the object, 255 where nobody knows; `longer_side_px` is its size
        in another frame.
        """
        prompt = Prompt(present=mask, longer_side_px=longer_side_px)
        for _ in range(self.clicks):
            click = next_click(mask, known)
            if click is None or overlap(mask, known) >= RIGHT:
                break
            side = "positive" if click.positive else "negative"
            more = (*getattr(prompt, side), (click.x, click.y))
            prompt = replace(prompt, **{side: more})
            found = self.prompter(image, prompt)
            found = np.zeros_like(mask) if found is None else found
            if self.undoes and overlap(found, known) < overlap(mask, known):
                break
            mask = found
            if prompt.present is not None and prompt.present.any():
                prompt = replace(prompt, present=mask)
        return mask


def opened(davis: Path, source: Source, method: Propagator, *, both_ways: bool) -> Work:
    """The frames of a source, followed from the true masks of the first one."""
    frames = [replace(frame, index=n) for n, frame in enumerate(source)]
    folder = davis_annotations(davis, source.name)
    truths = [read_mask(folder / f"{frame.name}.png", may_be_empty=True).labels for frame in frames]
    ids = sorted(set(np.unique(truths[0]).tolist()) - {0, VOID})
    return Work(frames, truths, ids, method, both_ways, {0: Annotation(truths[0])})


def corrected_once(work: Work, person: Person) -> None:
    """The objects of the worst frame corrected, and followed on from there.

    Of a mask that the person leaves as it is nothing is said.
    """
    chosen = person.chosen(work)
    if chosen is None:
        return
    index, wanted = chosen
    work.looked_at.add(index)
    truth, labels = work.truths[index], work.labels[index]
    rgb = image_to_rgb(work.frames[index].image)
    masks, ended = {}, set()
    for i in wanted:
        if work.left_for_good(i, index):
            ended |= {i} if (labels == i).any() else set()
            continue
        known = np.where(truth == VOID, VOID, truth == i).astype(np.uint8)
        size_px = longer_side_px(work.given, i, index)
        mask = person.corrected(rgb, labels == i, known, size_px)
        if not np.array_equal(mask, labels == i):
            masks[i] = mask
    if not masks and not ended:
        return
    drawn = np.zeros_like(labels)
    for i in sorted(masks, key=lambda i: -masks[i].sum()):
        drawn[masks[i]] = i
    work.given[index] = Annotation(drawn, frozenset(ended))
    work.follow(index)
