"""The clips, crops or pictures that a recipe mixes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from propago.data.clips import ClipSampler, DavisClips, MixedClips
from propago.data.crops import ObjectCrops, Predicted
from propago.data.pictures import StillPictures
from propago.data.still_clips import StillClips
from propago.data.stills import Still, stills_by_name, stills_of_coco, stills_of_davis
from propago.data.synthetic import SyntheticClips
from propago.errors import SourceError, UsageError
from propago.io.davis import open_davis
from propago.refinement.spn.settings import SpnSettings
from propago.training.predictions import foreground_objects, predicted_objects
from propago.training.recipe import Recipe

FOLDERS = {
    "davis": "davis",
    "saliency": "saliency_sod",
    "coco": "coco_small",
    "voc": "voc2007_44",
    "predicted": "davis",
    "foreground": "davis",
}
"""Where each real source is looked for under the data root."""

LEAST_SHARE = {"coco": 0.01, "voc": 0.01}
"""What counts as foreground in pictures whose every instance is annotated, by its share of them."""


def clip_sampler(recipe: Recipe, root: Path) -> ClipSampler:
    """The mixture of `recipe.data`; folders are read only for sources of positive weight.

    Raises:
        SourceError: a source of the recipe is not under `root`.
        UsageError: the recipe asks for what a method said, which is single masks and no clips.
    """
    clips, data = recipe.clips, recipe.data
    _refuse_said(recipe, "clips")
    options = {
        "size": (clips.height, clips.width),
        "frames": clips.frames,
        "max_objects": clips.max_objects,
    }
    makers = {
        "davis": lambda path: DavisClips(path, sequence_names(path, data.davis_set), **options),
        "saliency": lambda path: StillClips.from_saliency(path, **options),
        "coco": lambda path: StillClips.from_coco(path, **options),
        "voc": lambda path: StillClips.from_voc(path, **options),
    }
    mixture: list[tuple[float, ClipSampler]] = []
    if data.synthetic > 0:
        mixture.append((data.synthetic, SyntheticClips(**options)))
    for name, make in makers.items():
        weight = getattr(data, name)
        if weight > 0:
            mixture.append((weight, make(_folder(root, name))))
    return MixedClips(mixture)


def crop_sampler(recipe: Recipe, root: Path, folder: Path) -> ObjectCrops:
    """Crops of the pictures of `recipe.data`, of height and width `recipe.clips.height`.

    Args:
        recipe: all settings.
        root: folder with the real data.
        folder: of the run; keeps what networks said.

    Raises:
        SourceError: a source of the recipe is not under `root`.
        UsageError: the recipe asks for synthetic clips, or for crops that are no squares.
    """
    data = recipe.data
    if data.synthetic > 0 or recipe.clips.height != recipe.clips.width:
        raise UsageError(
            f"recipe {recipe.name}: crops are squares from real pictures: data.synthetic is 0 and "
            "clips.height equals clips.width"
        )
    readers: dict[str, Callable[[Path], Sequence[Still | Predicted]]] = {
        **_still_readers(recipe),
        "predicted": lambda path: predicted_objects(
            path, data.davis_set, data.predicted_by, folder / "predicted"
        ),
        "foreground": lambda path: foreground_objects(path, data.davis_set, folder / "foreground"),
    }
    wanted = [(getattr(data, name), name) for name in readers if getattr(data, name) > 0]
    mixture = [(weight, readers[name](_folder(root, name))) for weight, name in wanted]
    return ObjectCrops(mixture, size=recipe.clips.height, cover_px=SpnSettings().cover_px)


def picture_sampler(recipe: Recipe, root: Path) -> ClipSampler:
    """Pictures of `recipe.data` with their objects, as clips of one frame.

    Raises:
        SourceError: a source of the recipe is not under `root`.
        UsageError: the recipe asks for what a method said, which is no foreground.
    """
    clips, data = recipe.clips, recipe.data
    _refuse_said(recipe, "pictures")
    size = (clips.height, clips.width)
    mixture: list[tuple[float, ClipSampler]] = []
    if data.synthetic > 0:
        synthetic = SyntheticClips(size=size, frames=1, max_objects=clips.max_objects)
        mixture.append((data.synthetic, synthetic))
    for name, read in _still_readers(recipe).items():
        weight = getattr(data, name)
        if weight > 0:
            stills, least = read(_folder(root, name)), LEAST_SHARE.get(name, 0.0)
            mixture.append((weight, StillPictures(stills, size=size, least_share=least)))
    return MixedClips(mixture)


def _refuse_said(recipe: Recipe, what: str) -> None:
    """Refuse masks that a network said, where true ones are needed."""
    for name in ("predicted", "foreground"):
        weight = getattr(recipe.data, name)
        if weight > 0:
            raise UsageError(
                f"recipe {recipe.name}: data.{name} = {weight:g} is for the method spn; for "
                f"{what} it is 0"
            )


def _still_readers(recipe: Recipe) -> dict[str, Callable[[Path], Sequence[Still]]]:
    """What reads the annotated pictures of each source from its folder."""
    return {
        "davis": lambda path: stills_of_davis(path, recipe.data.davis_set),
        "saliency": lambda path: stills_by_name(path, "images", "masks"),
        "coco": stills_of_coco,
        "voc": lambda path: stills_by_name(path, "JPEGImages", "SegmentationObject"),
    }


def sequence_names(root: Path, set_name: str) -> list[str]:
    """Names of the sequences of a set of a DAVIS root."""
    return [source.name for source in open_davis(root, Path(set_name))]


def _folder(root: Path, name: str) -> Path:
    path = root / FOLDERS[name]
    if not path.is_dir():
        raise SourceError(
            f"the recipe trains on {name}, which is looked for in {path}: there is no such folder; "
            f"give the data root with --data, or set data.{name} = 0 in a recipe of your own"
        )
    return path
