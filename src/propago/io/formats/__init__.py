"""Formats of the masks and of the detections of a video, and what opens any of them."""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from propago.errors import SourceError, UsageError
from propago.io.detection_sequence import DetectionSequence
from propago.io.mask_sequence import MaskSequence
from propago.io.zipped import unpacked


class MaskFormat(Protocol):
    """How the masks of a video lie on disk: a module of this package, or an object."""

    def sniff(self, path: Path, /) -> bool:
        """Whether `path` is of this format."""
        ...

    def read(self, path: Path, /) -> MaskSequence:
        """The masks, described; each is decoded when it is asked for."""
        ...


FORMATS: dict[str, str | MaskFormat] = {
    "soft-masks": "propago.io.formats.soft_masks",
    "label-maps": "propago.io.formats.label_maps",
    "youtube-vis": "propago.io.formats.youtube_vis",
    "soft-pictures": "propago.io.formats.soft_pictures",
}
"""Formats by name, in the order in which they are tried; modules are imported on use."""


def mask_format(name: str) -> MaskFormat:
    """A format by its name in `FORMATS`.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in FORMATS:
        raise UsageError(f"{name!r} is no format of masks; there are {', '.join(FORMATS)}")
    found = FORMATS[name]
    return cast(MaskFormat, import_module(found)) if isinstance(found, str) else found


def open_masks(path: str | Path, format: str | MaskFormat | None = None) -> MaskSequence:
    """Describe the masks of a video; they are decoded one by one, when asked for.

    Args:
        path: a folder, zip file or file of masks, or what `segment`, `refine` and `clean` wrote.
        format: a name in `FORMATS` or a format of one's own; None: the first that knows `path`.

    Raises:
        UsageError: no such format.
        SourceError: nothing there, or in no known format.
        MaskError: a mask cannot be read.
    """
    path = unpacked(Path(path))
    if format is not None:
        return (mask_format(format) if isinstance(format, str) else format).read(path)
    if not path.exists():
        said = f"{path} does not exist; give a folder of masks, one file a frame"
        raise SourceError(said).of_argument()
    for name in FORMATS:
        if mask_format(name).sniff(path):
            return mask_format(name).read(path)
    raise SourceError(
        f"{path} holds no masks: neither PNG, TIFF or .npy label maps, nor .npz or .npy soft "
        f"masks, nor YouTube-VIS JSON; the formats are {', '.join(FORMATS)}"
    )


class DetectionFormat(Protocol):
    """How the detections of a video lie on disk: a module of this package, or an object."""

    def sniff_detections(self, path: Path, /) -> bool:
        """Whether `path` is of this format."""
        ...

    def read_detections(self, path: Path, /) -> DetectionSequence:
        """The detections, described; those of a frame are read when they are asked for."""
        ...


DETECTION_FORMATS: dict[str, str | DetectionFormat] = {
    "label-maps": "propago.io.formats.label_maps",
    "label-stack": "propago.io.formats.stacks",
    "youtube-vis": "propago.io.formats.youtube_vis",
    "coco": "propago.io.formats.coco",
    "mots": "propago.io.formats.mots",
    "yolo": "propago.io.formats.yolo",
}
"""Formats of detections by name, in the order in which they are tried."""


def open_detections(path: str | Path) -> DetectionSequence:
    """Describe the detections of a video, of the first format in `DETECTION_FORMATS` that knows it.

    Raises:
        SourceError: nothing there, in no known format, or damaged.
        MaskError: what is found is no detection.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist; give a file or folder of detections")
    for found in DETECTION_FORMATS.values():
        module = cast(DetectionFormat, import_module(found) if isinstance(found, str) else found)
        if module.sniff_detections(path):
            return module.read_detections(path)
    raise SourceError(
        f"{path} holds no detections: neither label maps (PNG or TIFF, one a frame, or a "
        "stack), nor COCO or YouTube-VIS JSON, nor MOTS or YOLO text"
    )
