"""Pairs of pictures that show the same instances: what networks that tell them apart learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propago.data.instances import (
    InstanceExample,
    InstanceStill,
    example_of,
    piece,
    recoloured,
)
from propago.errors import SourceError

_ATTEMPTS = 20


@dataclass(frozen=True)
class InstancePair:
    """A picture and another of the same instances.

    Attributes:
        key: the picture.
        reference: the other.
        same: (N,) int64 of each instance of `key`: 1 + its place in `reference`; 0: not there.
    """

    key: InstanceExample
    reference: InstanceExample
    same: np.ndarray


class InstancePairs:
    """Draws two frames of a sequence, or two pieces of a picture that belongs to none.

    Source: Yang et al., "Video Instance Segmentation", ICCV 2019, section 4.2 (a random other frame
    of the video). Two pieces of a picture are ours.
    """

    def __init__(
        self, stills: Sequence[InstanceStill], size: tuple[int, int], apart_frames: int = 10
    ) -> None:
        """Draw pairs of `size` (H, W), of frames at most `apart_frames` apart.

        Raises:
            SourceError: `stills` is empty.
        """
        if not stills:
            raise SourceError("instances: at least one picture with a mask is needed, none came")
        self._stills, self._size, self._apart_frames = list(stills), size, apart_frames

    def sample(self, rng: np.random.Generator) -> InstancePair:
        """One pair; both show an instance, unless many attempts find none.

        Raises:
            SourceError: a picture cannot be read.
        """
        for _ in range(_ATTEMPTS):
            at = int(rng.integers(len(self._stills)))
            key, reference = (
                self._example(rng, self._stills[place]) for place in (at, self._other(rng, at))
            )
            if len(key.classes) and len(reference.classes):
                break
        return InstancePair(recoloured(rng, key), recoloured(rng, reference), same(key, reference))

    def _other(self, rng: np.random.Generator, at: int) -> int:
        """A place near `at` of the same sequence; itself where there is none."""
        sequence, reach = self._stills[at].sequence, self._apart_frames
        near = range(max(at - reach, 0), min(at + reach + 1, len(self._stills)))
        others = [n for n in near if n != at and sequence and self._stills[n].sequence == sequence]
        return int(rng.choice(others)) if others else at

    def _example(self, rng: np.random.Generator, still: InstanceStill) -> InstanceExample:
        return example_of(*piece(rng, *still.read(), self._size, still.stretch), still)


def same(key: InstanceExample, reference: InstanceExample) -> np.ndarray:
    """(N,) int64 of each instance of `key`: 1 + its place in `reference`, 0 where it is not."""
    place = {int(i): n for n, i in enumerate(reference.instances, 1)}
    return np.array([place.get(int(i), 0) for i in key.instances], np.int64)
