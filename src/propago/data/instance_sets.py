"""Which classes the sets of pictures show, for detectors."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from propago.data.instances import UNKNOWN, InstanceStill
from propago.data.stills import Still, read_coco, reader_of, stills_of_davis
from propago.errors import SourceError, UsageError
from propago.io.categories import CATEGORY_IDS
from propago.io.labels import AS_IT_STANDS
from propago.io.masks import read_labels
from propago.io.rle import decode, to_rle
from propago.types import VOID

LABELS = {
    "cats": "cat",
    "people": "person",
    "clothes": "person",
    "coco_people": "person",
    "horses": "horse",
    "cows": "cow",
    "nuclei": "nucleus",
}
"""What every instance of a set is, by its folder."""

COMPLETE = frozenset({"nucleus"})
"""Where these are labelled, nothing else is in the picture."""

VOC_CLASSES = (
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorcycle", "person", "potted plant", "sheep", "couch",
    "train", "tv",
)  # fmt: skip
"""COCO's names of the classes of PASCAL VOC, in its order."""


def of_one_class(stills: Sequence[Still], folder: Path, label: str) -> list[InstanceStill]:
    """Pictures whose instances are all of one class, which is the only one labelled.

    Args:
        stills: with masks.
        folder: of the set; decides the class where `label` is empty.
        label: a name in `CATEGORIES`.

    Raises:
        UsageError: no such class, or none is known.
    """
    name = label or LABELS.get(folder.name, "")
    if name not in CATEGORY_IDS:
        raise UsageError(
            f"label = {name!r}: what every instance in {folder} is, one of "
            f"{', '.join(CATEGORY_IDS)}"
        )
    category = CATEGORY_IDS[name]
    known = None if name in COMPLETE else frozenset({category})
    return [InstanceStill(one.image, one.read_ids, category, known, one.stretch) for one in stills]


@dataclass(frozen=True)
class CocoIds:
    """Decodes instances in the order of the file, a crowd before them as unknown."""

    size: tuple[int, int]
    instances: tuple[Any, ...]
    crowds: tuple[Any, ...]

    def __call__(self) -> np.ndarray:
        """(H, W) uint16 ids; where two overlap, the smaller is in front."""
        ids = np.zeros(self.size, np.uint16)
        for segmentation in self.crowds:
            ids[self._mask(segmentation)] = UNKNOWN
        masks = [self._mask(segmentation) for segmentation in self.instances]
        for n in sorted(range(len(masks)), key=lambda n: -int(masks[n].sum())):
            ids[masks[n]] = n + 1
        return ids

    def _mask(self, segmentation: Any) -> np.ndarray:
        return decode([to_rle(segmentation, self.size, "an annotation")], self.size)[0]


def instances_of_coco(root: Path) -> list[InstanceStill]:
    """Every image of `instances.json` with its instances, by the name of its file.

    Raises:
        SourceError: there is no such file.
    """
    content = read_coco(root)
    own: dict[int, list[Any]] = {}
    for annotation in content["annotations"]:
        own.setdefault(annotation["image_id"], []).append(annotation)
    stills = []
    for image in sorted(content["images"], key=lambda image: image["file_name"]):
        annotations = own.get(image["id"], [])
        single = [a for a in annotations if not a["iscrowd"]]
        crowds = tuple(a["segmentation"] for a in annotations if a["iscrowd"])
        size = (image["height"], image["width"])
        ids = CocoIds(size, tuple(a["segmentation"] for a in single), crowds)
        classes = {n: a["category_id"] for n, a in enumerate(single, 1)}
        stills.append(InstanceStill(root / "images" / image["file_name"], ids, classes))
    return stills


def instances_of_voc(root: Path) -> list[InstanceStill]:
    """Every picture with SegmentationObject and SegmentationClass; twenty classes are labelled."""
    ids = {n: CATEGORY_IDS[name] for n, name in enumerate(VOC_CLASSES, 1)}
    stills = []
    for path in sorted((root / "SegmentationObject").glob("*.png")):
        objects = read_labels(path, AS_IT_STANDS)
        classes = read_labels(root / "SegmentationClass" / path.name, AS_IT_STANDS)
        there = [int(i) for i in np.unique(objects) if i not in (0, VOID)]
        of = {i: ids[int(np.bincount(classes[objects == i]).argmax())] for i in there}
        image = root / "JPEGImages" / f"{path.stem}.jpg"
        stills.append(InstanceStill(image, reader_of(path), of, frozenset(ids.values())))
    return stills


@dataclass(frozen=True)
class WithoutClassless:
    """Reads ids; those that have no class are unknown."""

    still: Still
    kept: frozenset[int]

    def __call__(self) -> np.ndarray:
        """(H, W) uint8 ids."""
        ids = self.still.read_ids()
        there = [i for i in np.unique(ids) if i not in (0, *self.kept)]
        return np.where(np.isin(ids, there), VOID, ids).astype(np.uint8)


def instances_of_davis(root: Path, set_name: str) -> list[InstanceStill]:
    """Frames whose objects have a class in `classes.json`: {sequence: {id: name or null}}.

    Of no class every instance is labelled.

    Raises:
        SourceError: there is no such file.
    """
    path = root / "classes.json"
    if not path.is_file():
        raise SourceError(f"{path} does not exist; it says {{sequence: {{id: class}}}}")
    table = json.loads(path.read_text())
    stills = []
    for still in stills_of_davis(root, set_name):
        named = table.get(still.image.parent.name, {})
        of = {int(i): CATEGORY_IDS[name] for i, name in named.items() if name in CATEGORY_IDS}
        if of:
            read = WithoutClassless(still, frozenset(of))
            name = still.image.parent.name
            stills.append(InstanceStill(still.image, read, of, frozenset(), sequence=name))
    return stills
