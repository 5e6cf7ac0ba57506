"""FEELVOS without its cues: the paper's ablation, ours from cells.

Source: Voigtlaender et al., FEELVOS, CVPR 2019, its table of ablations, as a published review
prints it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from propago.clock import Clock
from propago.methods.feelvos.follow import FeelvosSettings
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import PRESETS, FeelvosConfig, FeelvosNet
from propago.methods.feelvos.object_inputs import ObjectInputs, Prepared
from propago.methods.feelvos.run import Feelvos
from propago.nn.inference import choose_device
from propago.nn.presets import load_network
from propago.papers.ablation import FULL, AblationTables

DISTANCES = 2
"""First channels of what a matching says: to the object, and to everything else."""


class _WithoutCues(FeelvosNet):
    """Some matchings say that nothing is near."""

    blank: ClassVar[tuple[int, ...]] = ()

    def cues(self, query: Tensor, memory: Sequence[Memory], wanted: Tensor | None = None) -> Tensor:
        found = super().cues(query, memory, wanted)
        width = DISTANCES + self.config.value_channels
        for matching in self.blank:
            begin = matching * width
            found[:, begin : begin + DISTANCES] = 1
            found[:, begin + DISTANCES : begin + width] = 0
        return found


class _WithoutFirst(_WithoutCues):
    """Without matching against remembered frames."""

    blank = (0,)


class _WithoutNearby(_WithoutCues):
    """Without matching against the previous frame."""

    blank = (1,)


class _WithoutMask(FeelvosNet):
    """The previous masks are not known, but for what matching reads out."""

    def cues(self, query: Tensor, memory: Sequence[Memory], wanted: Tensor | None = None) -> Tensor:
        found = super().cues(query, memory, wanted)
        found[:, -1] = 0
        return found

    def carried_shares(self, carried: Tensor) -> Tensor:
        return torch.zeros_like(super().carried_shares(carried))

    def logits(
        self, prepared: Prepared, owner: Tensor, rows: ObjectInputs, photometric_error: Tensor
    ) -> Tensor:
        none = torch.zeros_like(rows.carried)
        rows = replace(rows, carried=none, others=none)
        return super().logits(prepared, owner, rows, photometric_error)


class _WithoutPrevious(_WithoutNearby, _WithoutMask):
    """Neither matching against the previous frame nor its masks."""


NETWORKS = {
    "no-previous-prediction": _WithoutMask,
    "no-first-frame-match": _WithoutFirst,
    "no-previous-frame-match": _WithoutNearby,
    "no-previous-at-all": _WithoutPrevious,
}
WIDE = "global-for-local"
EVERYWHERE = 64
"""A window that reaches over all positions of a frame at the working size."""


class FeelvosTables(AblationTables):
    """The cues: both matchings, the window, the previous prediction."""

    title = "FEELVOS: what each cue is worth"
    paper: ClassVar = {
        FULL: (0.691, None, None),
        WIDE: (0.642, None, None),
        "no-previous-prediction": (0.633, None, None),
        "no-first-frame-match": (0.561, None, None),
        "no-previous-frame-match": (0.549, None, None),
        "no-previous-at-all": (0.526, None, None),
    }
    tables: ClassVar = {1: tuple(paper)}
    notes = (
        "The paper: DAVIS 2017 val, 30 sequences, each row trained anew; Xception-65.",
        "Ours: cues are left out at test only, of a network that has them twice: beside its "
        "distances it reads out encoded masks, and the previous mask is also carried by flow. "
        "no-previous-prediction leaves out both, and objects are then looked for everywhere.",
        "no-first-frame-match leaves out all remembered frames. Second looks as shipped.",
    )

    def method(self, row: str, clock: Clock) -> Feelvos:
        """FEELVOS as the row wants it."""
        options = self.options
        build = NETWORKS.get(row, FeelvosNet)

        def made(config: FeelvosConfig) -> FeelvosNet:
            return build(replace(config, window=EVERYWHERE) if row == WIDE else config)

        net, about = load_network(PRESETS, made, options.preset, options.weights)
        settings = FeelvosSettings(options.size or PRESETS[options.preset].size)
        return Feelvos(net, settings, choose_device(options.device), about)
