"""A second look at small objects: a window around each, enlarged, by the same network.

Not in the paper. Each window is a video of its own, with a memory of its own, in which the object
has about the size that the network was trained on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from propago.methods.feelvos.follow import Encoded, Follower
from propago.methods.feelvos.state import FeelvosState, Followed, Look
from propago.methods.feelvos.window import LOOK_PX, Extent, own_and_others, window_around
from propago.ops.parallel import team
from propago.ops.resize import bilinear, resize
from propago.types import SoftMasks

SIZE = (LOOK_PX, LOOK_PX)
OWN, OTHERS = 1, 2
"""What is followed in a window: the object, and all others as one."""


@dataclass(frozen=True)
class SecondLooks:
    """Second looks with the network and the settings of `follower`."""

    follower: Follower

    def encode(self, looks: Mapping[int, Look], image: Tensor) -> dict[int, Encoded]:
        """The enlarged windows of `image` (3, H, W), by object."""
        windows = {i: look.window for i, look in looks.items() if look.window}
        encoded = team().map(lambda w: self.follower.encode(w.of(image), SIZE), windows.values())
        return dict(zip(windows, encoded, strict=True))

    def improve(self, logits: Tensor, state: FeelvosState, encoded: Mapping[int, Encoded]) -> None:
        """Put what second looks see into `logits` (K, H, W), in place.

        What the whole frame shows of an object holds outside of its window, and inside where the
        second look does not find it.
        """

        def look(object_id: int) -> None:
            known = state.looks[object_id]
            assert known.window is not None
            found = self.follower.follow(known.followed, encoded[object_id], state.head, only=1)
            if (found[0] > 0).any():
                inside = known.window.of(logits[state.whole.ids.index(object_id)])
                inside.copy_(bilinear(found[None, :1], inside.shape)[0, 0])

        team().map(look, encoded)

    def remember(
        self,
        looks: Mapping[int, Look],
        image: Tensor,
        encoded: Mapping[int, Encoded],
        masks: SoftMasks,
        annotated: Collection[int],
    ) -> dict[int, Look]:
        """The looks with one frame more, and where the next frame is looked at.

        Args:
            looks: so far. One begins where a small object is annotated, and rests while the object
                is large.
            image: (3, H, W) the frame.
            encoded: its windows, of `encode`.
            masks: the final ones of the frame.
            annotated: objects whose masks a person gave.
        """
        moved = team().map(lambda i: self._moved(looks, i, image, masks, i in annotated), masks.ids)
        resting = {i: look for i, look in zip(masks.ids, moved, strict=True) if look}
        windows = {i: look.window for i, look in resting.items() if look.window}
        smallest = sorted(windows, key=lambda i: windows[i].side)[: self.follower.settings.looks]

        def after(object_id: int) -> Look:
            look, window = resting[object_id], windows[object_id]
            known = looks[object_id].window if object_id in looks else None
            same = known == window and object_id in encoded
            now = encoded[object_id] if same else self.follower.encode(window.of(image), SIZE)
            inside = window.of(masks.probabilities).to(image.device)
            enlarged = resize(own_and_others(inside, masks.ids.index(object_id)), SIZE)
            for_good = object_id in annotated
            followed = self.follower.remember(
                look.followed, now, (OWN, OTHERS), enlarged, for_good=for_good
            )
            return replace(look, followed=followed)

        taken = dict(zip(smallest, team().map(after, smallest), strict=True))
        return {i: taken.get(i) or replace(look, window=None) for i, look in resting.items()}

    def _moved(
        self,
        looks: Mapping[int, Look],
        object_id: int,
        image: Tensor,
        masks: SoftMasks,
        annotated: bool,
    ) -> Look | None:
        """The look at an object with the window for the next frame; None where there is none."""
        before = looks.get(object_id)
        extent = Extent.of(masks.probabilities[masks.ids.index(object_id)])
        if extent is None:
            return before
        size = (image.shape[-2], image.shape[-1])
        scale = min(1.0, self.follower.settings.size / min(size))
        if before is None:
            window = window_around(extent, size, scale)
            return Look(window, extent.centre, Followed()) if window and annotated else None
        centre = extent.centre if annotated else before.centre
        window = window_around(extent, size, scale, centre, before.window)
        return Look(window, extent.centre, before.followed)
