"""RGSN without its parts: the value of the authors' release, ours from cells.

Source: Zhou et al., "PTSNet", arXiv 1907.01203, and the authors' release.
"""

from typing import ClassVar

import torch
from torch import Tensor

from propago.clock import Clock
from propago.methods.rgsn.net import PRESETS, RgsnNet
from propago.methods.rgsn.otn import OtnSettings
from propago.methods.rgsn.run import Rgsn, RgsnSettings
from propago.nn.inference import choose_device
from propago.nn.presets import load_network
from propago.papers.ablation import FULL, UNKNOWN, AblationTables


class _WithoutLater(RgsnNet):
    """The annotated frame stands for the later references."""

    def levels(self, references: Tensor, images: Tensor, maps: Tensor) -> list[Tensor]:
        return super().levels(references[:, :1].expand_as(references), images, maps)


class _WithoutMap(RgsnNet):
    """Nothing is known of where in its crop the object was."""

    def levels(self, references: Tensor, images: Tensor, maps: Tensor) -> list[Tensor]:
        return super().levels(references, images, torch.zeros_like(maps))


NETWORKS = {"no-later-references": _WithoutLater, "no-gaussian": _WithoutMap}


class RgsnTables(AblationTables):
    """The scorer's learning after the first frame, references, the Gaussian, fine-tuning."""

    title = "RGSN: what each part is worth"
    paper: ClassVar = {
        FULL: UNKNOWN,
        "no-online-update": UNKNOWN,
        "no-later-references": UNKNOWN,
        "no-gaussian": UNKNOWN,
        "fine-tuned": (0.747, 0.716, 0.777),
    }
    tables: ClassVar = {1: tuple(paper)}
    notes = (
        "The release: DAVIS 2017 val, 30 sequences, proposals of a ResNeXt-152 Mask R-CNN, "
        "ResNet-50, fine-tuned on the first frame.",
        "Parts are left out at test only, the network is trained with them. no-online-update: the "
        "scorer learns in the annotated frame alone. Candidates are drawn, no detector proposes.",
    )

    def method(self, row: str, clock: Clock) -> Rgsn:
        """RGSN as the row wants it."""
        options = self.options
        build = NETWORKS.get(row, RgsnNet)
        net, about = load_network(PRESETS, build, options.preset, options.weights)
        settings = RgsnSettings(
            options.size or PRESETS[options.preset].size,
            OtnSettings(online=row != "no-online-update"),
        )
        finetune = self.tuning(clock) if row == "fine-tuned" else None
        return Rgsn(net, settings, choose_device(options.device), about, finetune=finetune)
