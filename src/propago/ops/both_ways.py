"""Between two frames that a person drew an object on: what is followed from both, mixed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propago.types import Annotation, Annotations, SoftMasks


@dataclass(frozen=True)
class Stretch:
    """What an annotated frame says of the frames before it.

    Attributes:
        last: index of the annotated frame.
        since: for each object drawn there the index of the frame it was last drawn on before.
    """

    last: int
    since: Mapping[int, int]

    @property
    def first(self) -> int:
        """The earliest frame that objects are followed back to, which has masks of its own."""
        return min(self.since.values())

    def known(self, given: Annotations) -> dict[int, Annotation]:
        """The masks of its objects on the frames that they were drawn on before, by frame."""
        found = {}
        for index in sorted(set(self.since.values())):
            labels = given[index].labels
            ids = [i for i, since in self.since.items() if since == index]
            wanted = np.isin(labels, ids) | given[index].void
            found[index] = Annotation(np.where(wanted, labels, 0).astype(labels.dtype))
        return found

    def shares(self, index: int) -> dict[int, float]:
        """How much counts what is followed backwards, in (0, 1), by object, in a frame between.

        In proportion to the distance from the other drawn frame, as in Cheng et al., "Modular
        Interactive Video Object Segmentation", CVPR 2021, section 3.4, without its network.
        """
        return {
            i: (index - since) / (self.last - since)
            for i, since in self.since.items()
            if since < index < self.last
        }


def stretches(given: Annotations) -> list[Stretch]:
    """Where objects are drawn again, ascending; one that had ended before is not among them."""
    found, drawn = [], dict[int, int]()
    for index, annotation in sorted(given.items()):
        since = {i: drawn[i] for i in annotation.ids if i in drawn}
        if since:
            found.append(Stretch(index, since))
        drawn |= dict.fromkeys(annotation.ids, index)
        drawn = {i: t for i, t in drawn.items() if i not in annotation.ended}
    return found


def mixed(forwards: SoftMasks, backwards: SoftMasks, shares: Mapping[int, float]) -> SoftMasks:
    """Soft masks (K, H, W) of a frame between two drawn ones.

    Args:
        forwards: of all objects, followed from the frames before.
        backwards: of some, followed from a later one; of the same size.
        shares: how much of `backwards` counts, by object; those without keep `forwards`.
    """
    probabilities = forwards.probabilities.clone()
    for i, share in shares.items():
        if i in forwards.ids and i in backwards.ids:
            later = backwards.probabilities[backwards.ids.index(i)].to(probabilities.device)
            probabilities[forwards.ids.index(i)].lerp_(later, share)
    return forwards.replaced(probabilities)
