"""The training of the network that is clicked at: views of single objects."""

from collections.abc import Sequence
from dataclasses import dataclass

from propago.data.object_views import ObjectView, ObjectViews
from propago.data.sources import Sources
from propago.data.task import ImageSettings, TrainingTask, parameter_groups, stacked
from propago.errors import UsageError
from propago.methods.ritm.net import PRESETS, RitmNet
from propago.methods.ritm.objective import RitmObjective, Views
from propago.methods.ritm.run import Ritm
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ranges import ranged


@dataclass(frozen=True)
class RitmTraining(ImageSettings):
    """What examples look like.

    Attributes:
        begun: share of the dialogues that begin with a mask, damaged, not with an empty one.
    """

    begun: float = ranged(0.3, least=0, most=1)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        super().__post_init__()
        if self.height != self.width:
            raise UsageError(f"height = {self.height}: views are square, as wide as high")


def task(settings: RitmTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from views of objects.

    Raises:
        UsageError: no such preset, or a source without pictures.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(RitmNet(preset.config))
    stills = [(weight, source.stills()) for weight, source in sources]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=RitmObjective(net, settings.begun),
        dataset=ObjectViews(stills, settings.height),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="prompter",
        part=Ritm,
    )


def collate(views: Sequence[ObjectView]) -> Views:
    """A batch of views."""
    return Views(
        stacked([view.image.transpose(2, 0, 1) for view in views]),
        stacked([view.truth for view in views]),
    )
