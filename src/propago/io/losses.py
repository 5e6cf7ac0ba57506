"""What a format cannot hold of the videos that are written in it, counted while they pass."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from propago.io.instances import UNNAMED, FrameInstances, InstanceSequence
from propago.io.rle import coco_mask
from propago.types import SoftMasks

Seen = Callable[[int, str], None]


@dataclass
class Counts:
    """What came, once for each frame.

    Attributes:
        frames: how many.
        objects: the video and id of each.
        facts: by fact, how often it came: frames, or pixels of overlaps and void.
    """

    frames: int = 0
    objects: set[tuple[str, int]] = field(default_factory=set)
    facts: dict[str, int] = field(default_factory=dict)

    def add(self, fact: str, times: int) -> None:
        """Count."""
        if times:
            self.facts[fact] = self.facts.get(fact, 0) + int(times)


def watched(video: InstanceSequence, counts: Counts, seen: Seen | None = None) -> InstanceSequence:
    """The same video; what is read of it is counted, and `seen` told (frames so far, video)."""
    done: set[str] = set()

    def read(name: str, reader: Callable[[], FrameInstances]) -> FrameInstances:
        found = reader()
        if name not in done:
            done.add(name)
            _count(counts, video, found)
            if seen:
                seen(len(done), video.name)
        return found

    counts.add("parents", len(video.parents))
    readers = {name: partial(read, name, reader) for name, reader in video.readers.items()}
    return replace(video, readers=readers)


def sentences(counts: Counts, holds: Collection[str], name: str) -> list[str]:
    """What the format `name`, which `holds` some facts, has lost of what was counted."""
    found: Mapping[str, int] = counts.facts
    told = []
    for fact, text in _TEXTS.items():
        said = fact == "class names" and "classes" not in holds
        if fact not in holds and found.get(fact) and not said:
            told.append(f"{name} {text.format(n=found[fact])}")
    if "void" in holds and found.get("void beside ids above 254") and "overlaps" not in holds:
        told.append(
            f"label maps of 16 bits have no void: {found['void beside ids above 254']} px of it "
            "are background"
        )
    return told


def lacked(holds: Collection[str], name: str) -> list[str]:
    """What the format `name` that was read, which `holds` some facts, could not say."""
    if "identities" in holds:
        return []
    return [
        f"{name} has no identities: objects are numbered anew in each frame; "
        "`propago track` finds out which is which"
    ]


_TEXTS = {
    "names": "has no names of frames, only numbers",
    "empty frames": "has no frames without objects: {n} are left out, or known by number only",
    "identities": "has no identities: which object is which in the next frame is not said",
    "ids above 254": "holds ids up to 254",
    "classes": "has no classes: those of {n} masks are dropped",
    "class names": "has no names of classes, only numbers",
    "scores": "has no scores: those of {n} masks are dropped",
    "overlaps": "has one object a pixel: {n} px of objects behind others are dropped",
    "void": "has no void: {n} px of it are background",
    "soft edges": "has no soft edges: in {n} frames a pixel is inside or not",
    "parents": "has no parents: the origin of {n} objects is dropped",
}


def _count(counts: Counts, video: InstanceSequence, found: FrameInstances) -> None:
    counts.frames += 1
    counts.objects |= {(video.name, one.id) for one in found.instances}
    counts.add("names", 1)
    counts.add("empty frames", not found.instances)
    counts.add("identities", bool(found.instances))
    names = [(one.class_id, video.class_name(one.class_id)) for one in found.instances]
    counts.add("classes", sum(name != UNNAMED for _, name in names))
    counts.add("class names", sum(name not in (UNNAMED, str(i)) for i, name in names))
    counts.add("scores", sum(one.score != 1 for one in found.instances))
    counts.add("overlaps", found.overlap_px)
    if found.void is not None:
        void = int(coco_mask.area(found.void))
        counts.add("void", void)
        counts.add("void beside ids above 254", void * found.is_wide)
    if found.soft is not None and _is_soft(found.soft):
        counts.add("soft edges", 1)


def _is_soft(masks: SoftMasks) -> bool:
    values = masks.probabilities
    return bool(((values > 0) & (values < 1)).any())
