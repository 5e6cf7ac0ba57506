"""Fine-tuning a part of a network on one object, for methods that follow each by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from propago.data.clips import Clip
from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import MOTION, warped_clip

KEPT = 3
"""So many annotated frames are learnt from: the first, and the latest others."""

Batch = tuple[Tensor, ...]
"""What an objective takes: a named tuple of tensors."""


@dataclass(frozen=True)
class WarpedClips:
    """Clips of one object: an annotated frame or its mirror image, then warped copies.

    Attributes:
        frames: annotated ones that show the object.
        object_id: of the object, which is 1 in the clips; all else is 0, void 255.
        length: frames of a clip.
    """

    frames: Sequence[AnnotatedFrame]
    object_id: int
    length: int

    def sample(self, rng: np.random.Generator) -> Clip:
        """One of them by chance."""
        frame = self.frames[int(rng.integers(len(self.frames)))]
        return Clip(*warped_clip(rng, frame.picture, frame.rows([self.object_id]), self.length))


class Seeded(NamedTuple):
    """A batch, and the chance of the damage that the objective does to its masks."""

    batch: Batch
    seed: int


@dataclass(frozen=True)
class ObjectTuning:
    """How a method fine-tunes a part of its network on an object.

    Attributes:
        part: the name of the module that is fine-tuned; all else is frozen.
        clip_frames: of the clips that are learnt from.
        drawn: (rng, clips) -> a batch.
        objective: of a network: (batch, seed) -> loss, numbers.
        settings: how it goes.
    """

    part: str
    clip_frames: int
    drawn: Callable[[np.random.Generator, WarpedClips], Batch]
    objective: Callable[[Any], Callable[[Any, int], tuple[Tensor, Mapping[str, float]]]]
    settings: FineTuneSettings

    def tensors(
        self,
        net: nn.Module,
        object_id: int,
        frames: Sequence[AnnotatedFrame],
        finetune: FineTuning,
        parts: tuple[Any, ...],
    ) -> dict[str, Tensor] | None:
        """Parameters of the part fine-tuned on an object, by name; None where no frame shows it.

        Args:
            net: the parent; it does not change.
            object_id: of the object.
            frames: annotated ones.
            finetune: budget, cache, progress.
            parts: of the method, beside frames and object, as `FineTuning.tensors` takes them.

        Raises:
            KeyboardInterrupt: the same call goes on where this one was.
        """
        shown = [frame for frame in frames if object_id in frame.ids]
        if not shown:
            return None
        device = next(net.parameters()).device
        clips = WarpedClips(shown, object_id, self.clip_frames)
        return finetune.tensors(
            f"object {object_id}",
            net,
            (*parts, MOTION, object_id, shown),
            trainable=lambda name: name.startswith(f"{self.part}."),
            loss=self.loss,
            draw=lambda rng: self.draw(rng, clips, device),
            settings=self.settings,
        )

    def draw(self, rng: np.random.Generator, clips: WarpedClips, device: Any = "cpu") -> Seeded:
        """An example, on `device`."""
        batch = self.drawn(rng, clips)
        moved = type(batch)(*(part.to(device) for part in batch))
        return Seeded(moved, int(rng.integers(2**31)))

    def loss(self, net: nn.Module, example: Seeded) -> Tensor:
        """Of a network on an example."""
        return self.objective(net)(example.batch, example.seed)[0]
