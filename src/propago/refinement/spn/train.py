"""The training of the spatial propagation network: crops with coarse masks and true ones."""

from collections.abc import Sequence

from propago.data.crops import Crop, ObjectCrops
from propago.data.sources import Sources
from propago.data.task import ImageSettings, TrainingTask, parameter_groups, stacked
from propago.errors import UsageError
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.refinement.spn.net import PRESETS, SpnNet
from propago.refinement.spn.objective import CropBatch, SpnObjective
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings


def task(settings: ImageSettings, sources: Sources) -> TrainingTask:
    """An untrained network that learns from crops.

    Raises:
        UsageError: no such preset, crops that are no squares, or a source without pictures.
        SourceError: a source that is no such data.
    """
    if settings.height != settings.width:
        raise UsageError(
            f"height {settings.height}, width {settings.width}: crops are squares, both are equal"
        )
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(SpnNet(preset.config))
    stills = [(weight, source.stills()) for weight, source in sources]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=SpnObjective(net),
        dataset=ObjectCrops(stills, size=settings.height, cover_px=SpnSettings().cover_px),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="refiner",
        part=refiner,
    )


def collate(crops: Sequence[Crop]) -> CropBatch:
    """Crops of equal size."""
    return CropBatch(
        stacked([crop.image.transpose(2, 0, 1) for crop in crops]),
        stacked([crop.coarse[None] for crop in crops]),
        stacked([crop.truth[None] for crop in crops]),
    )


def refiner(net: SpnNet) -> Spn:
    """What sharpens whole crops, as in training."""
    return Spn(net, SpnSettings(whole_frame=True, cover_px=0))
