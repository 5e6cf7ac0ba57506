"""`propago clean`: anyone's masks of a video, made consistent from frame to frame."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from propago.errors import MaskError
from propago.io.atomic import replacing
from propago.io.formats.sequence_folders import find_folders
from propago.io.masks import read_mask, shared_colours, write_mask
from propago.io.stills import natural_key
from propago.jobs.options import Progress
from propago.jobs.places import make_folder, refuse_results
from propago.refinement.craf import Craf
from propago.refinement.craf_settings import CrafSettings

RUNS = Path("runs/clean")
MASKS, LOG = "masks", "clean.jsonl"


@dataclass(frozen=True)
class CleanResult:
    """One cleaned sequence.

    Attributes:
        name: of the sequence.
        masks: the folder of cleaned masks, named like those that came.
        log: JSON lines, one for each thing that was done.
        frames: how many masks.
        pixels: by "removed", "adopted" and "filled", how many pixels in all.
    """

    name: str
    masks: Path
    log: Path
    frames: int
    pixels: dict[str, int]


def clean(
    masks: str | Path,
    *,
    out: str | Path | None = None,
    settings: CrafSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[CleanResult]:
    """Clean the masks of a video, or of several, with the connected-region-aware filter.

    The first mask of a video is taken for the truth. Void stays void.

    Args:
        masks: a folder of masks in the order of their names, one a frame; a folder that `segment`
            wrote; or a folder of such folders, one a video.
        out: gets masks/ and clean.jsonl, in one folder a video where there are several;
            runs/clean/<name of the folder> if None.
        settings: what is kept.
        overwrite: delete earlier results in `out`.
        progress: called as (masks done, masks in all, name of the video).

    Returns:
        One result a video.

    Raises:
        SourceError: no folder, or no masks in it.
        MaskError: a mask is illegal, or of another size than the first.
        UsageError: `out` holds results, or lies among the masks.
        OutputError: the results cannot be written.
    """
    folders = find_folders(Path(masks))
    base = Path(out) if out else RUNS / Path(masks).resolve().name
    places = {name: base if folders.single else base / name for name in folders.sequences}
    for place in places.values():
        refuse_results(place, (MASKS, LOG), folders.sequences.values(), overwrite)
    craf = Craf(settings)
    return [
        _clean_one(craf, name, folder, places[name], progress)
        for name, folder in folders.sequences.items()
    ]


def _clean_one(
    craf: Craf, name: str, folder: Path, place: Path, progress: Progress | None
) -> CleanResult:
    paths = sorted(folder.glob("*.png"), key=lambda path: natural_key(path.name))
    target, log = place / MASKS, place / LOG
    make_folder(target)
    colours = shared_colours(paths)
    state, size, pixels = craf.begin(), None, Counter()
    with replacing(log) as unfinished, open(unfinished, "w", encoding="utf-8") as file:
        for done, path in enumerate(paths, 1):
            labels = read_mask(path, colours=colours, may_be_empty=True).labels
            size = size or labels.shape
            _refuse_other_size(path, labels, size)
            cleaned, state, events = craf.clean_labels(state, labels)
            write_mask(target / path.name, cleaned)
            for event in events:
                file.write(json.dumps({"name": path.stem, **asdict(event)}) + "\n")
                pixels[event.what] += event.area_px
            if progress:
                progress(done, len(paths), name)
    return CleanResult(name, target, log, len(paths), dict(pixels))


def _refuse_other_size(path: Path, labels: np.ndarray, size: tuple[int, ...]) -> None:
    if labels.shape != size:
        raise MaskError(
            f"{path} is {labels.shape[1]}x{labels.shape[0]}, the masks before are "
            f"{size[1]}x{size[0]}; all masks of a video have one size"
        )
