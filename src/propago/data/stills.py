"""Single images with masks: how their files are found, and how their instances are read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from propago.data.augment import blend
from propago.data.cutouts import SMALLEST_SHARE
from propago.data.textures import draw_texture
from propago.errors import SourceError
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.imread import imread
from propago.io.labels import ONE_OR_MANY
from propago.io.masks import read_labels
from propago.io.rle import coco_mask, decode
from propago.io.stills import stills_in
from propago.types import VOID, SoftMasks


@dataclass(frozen=True)
class Still:
    """An image file and how to read its instances.

    Attributes:
        image: a colour image file.
        read_ids: returns (H, W) uint8 or uint16: 0 background, 1.. instances, 255 void.
        read_soft: what a method said of the picture, where anything is known.
        stretch: width over height is changed by up to this, as a natural logarithm.
        cut_out: there is nothing behind the object of id 1; a texture is laid there.
    """

    image: Path
    read_ids: Callable[[], np.ndarray]
    read_soft: Callable[[], SoftMasks] | None = None
    stretch: float = 0.0
    cut_out: bool = False


def read_still(still: Still, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) uint8 RGB and its ids (H, W) uint8; ids above 254 are void.

    Args:
        still: what is read.
        rng: decides what is not in the files: stretch and texture.

    Raises:
        SourceError: the picture is unreadable, or of another size than its mask.
    """
    image, ids = read_pair(still.image, still.read_ids)
    if ids.dtype == np.uint16:
        ids = np.minimum(ids, VOID).astype(np.uint8)
    if still.cut_out:
        texture = draw_texture(rng, max(ids.shape))[: ids.shape[0], : ids.shape[1]]
        image = blend(image, texture, cv2.GaussianBlur(ids.astype(np.float32), (0, 0), 0.8))
    if still.stretch:
        width = round(ids.shape[1] * float(np.exp(rng.uniform(-still.stretch, still.stretch))))
        size = (max(width, 1), ids.shape[0])
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        ids = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return image, ids


def read_pair(path: Path, read_ids: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) uint8 RGB and its ids (H, W) as they stand.

    Raises:
        SourceError: the picture is unreadable, or of another size than its mask.
    """
    image, ids = imread(path), read_ids()
    if image is None or image.shape[:2] != ids.shape:
        came = "unreadable" if image is None else f"{image.shape[:2]}, its mask {ids.shape}"
        raise SourceError(f"{path} is {came}; image and mask must have one size")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), ids


def reader_of(mask: Path) -> Callable[[], np.ndarray]:
    """What reads the ids of a mask file, or its one object where it is a matte."""
    return partial(read_labels, mask, ONE_OR_MANY)


@dataclass(frozen=True)
class AlphaMask:
    """Reads the one object of a picture that was cut out."""

    path: Path

    def __call__(self) -> np.ndarray:
        """(H, W) uint8: 1 where it covers more than half of a pixel."""
        with Image.open(self.path) as picture:
            return (np.asarray(picture.getchannel("A")) > 127).astype(np.uint8)


@dataclass(frozen=True)
class RleMask:
    """Decodes instances that were kept as COCO run lengths."""

    counts: tuple[Any, ...]

    def __call__(self) -> np.ndarray:
        """(H, W) uint8 instance ids; where two overlap, the later is in front."""
        masks = decode(self.counts, tuple(self.counts[0]["size"]))
        planes = [mask * np.uint8(i) for i, mask in enumerate(masks, 1)]
        return np.max(planes, axis=0)


def stills_by_name(root: Path, images: str, masks: str, stretch: float = 0.0) -> list[Still]:
    """Every `images`/NAME.jpg under `root` that has a `masks`/NAME.png, by name.

    Raises:
        SourceError: there is none.
    """
    files = sorted((root / images).glob("*.jpg"))
    pairs = [(image, root / masks / f"{image.stem}.png") for image in files]
    stills = [
        Still(image, reader_of(mask), stretch=stretch) for image, mask in pairs if mask.is_file()
    ]
    if not stills:
        raise SourceError(f"{root}: no {images}/NAME.jpg with a {masks}/NAME.png of the same name")
    return stills


def read_coco(root: Path) -> dict[str, Any]:
    """The content of `instances.json`.

    Raises:
        SourceError: there is no such file.
    """
    path = root / "instances.json"
    if not path.is_file():
        raise SourceError(f"{path} does not exist; it holds the instances in the COCO format")
    return json.loads(path.read_text())


def stills_of_coco(root: Path) -> list[Still]:
    """The images of `instances.json` with their instances; crowds and specks are left out.

    Raises:
        SourceError: there is no such file.
    """
    content = read_coco(root)
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    counts: dict[int, list[Any]] = {}
    for annotation in content["annotations"]:
        h, w = sizes[annotation["image_id"]]
        if not annotation["iscrowd"] and annotation["area"] >= SMALLEST_SHARE * h * w:
            run_lengths = coco_mask.frPyObjects(annotation["segmentation"], h, w)
            if isinstance(run_lengths, list):
                run_lengths = coco_mask.merge(run_lengths)
            counts.setdefault(annotation["image_id"], []).append(run_lengths)
    named = {image["id"]: root / "images" / image["file_name"] for image in content["images"]}
    return [Still(named[i], RleMask(tuple(found))) for i, found in counts.items()]


def stills_of_davis(root: Path, set_name: str) -> list[Still]:
    """Every frame of the sequences of a set, or of all where it is empty, with its annotation.

    Raises:
        SourceError: no DAVIS root or no such set.
    """
    return [
        Still(image, reader_of(davis_annotations(root, source.name) / f"{image.stem}.png"))
        for source in open_davis(root, Path(set_name) if set_name else None)
        for image in sorted(stills_in(source.path))
    ]
