"""The rules of each benchmark: which frames and objects count, what void means, who meets whom."""

from dataclasses import dataclass

from propago.errors import UsageError


@dataclass(frozen=True)
class Protocol:
    """The rules of one benchmark.

    Attributes:
        name: what `protocol` says.
        rules: the rules in a sentence or two, for reports.
        of: what it compares: masks, tracks, identities, instances or classes; the fields below are
            of masks.
        metrics: what is measured where nothing else is asked for.
        annotations: folders of a data set's root that hold its ground truth, best first.
        ends_count: whether the first and the last frame of a sequence are evaluated.
        sparse: whether results may hold frames that the ground truth lacks.
        binary: whether every label but 0 is the one object.
        assigned: whether proposals are assigned to objects; else ids are compared as they stand.
        from_first_sight: whether an object counts only after the frame it first appears in.
    """

    name: str
    rules: str
    of: str = "masks"
    metrics: tuple[str, ...] = ("J&F",)
    annotations: tuple[str, ...] = ("Annotations",)
    ends_count: bool = True
    sparse: bool = False
    binary: bool = False
    assigned: bool = False
    from_first_sight: bool = False


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "davis2017",
            "DAVIS 2017 semi-supervised: ids are compared as they stand, in every frame but the "
            "first and the last; where an object is absent from both maps it scores 1. Pixels "
            "that are void (255) in the ground truth are left out.",
            ends_count=False,
        ),
        Protocol(
            "davis2016",
            "DAVIS 2016: everything that is not background is the one object, in every frame "
            "but the first and the last; temporal instability T of the predictions besides.",
            metrics=("J&F", "T"),
            ends_count=False,
            binary=True,
        ),
        Protocol(
            "davis-unsupervised",
            "DAVIS 2019 unsupervised: at most 20 proposals, each assigned to one object so that "
            "the mean of J and F is highest, in all frames; void pixels are left out.",
            annotations=("Annotations_unsupervised", "Annotations"),
            assigned=True,
        ),
        Protocol(
            "youtube-vos",
            "YouTube-VOS: ids are compared as they stand in the annotated frames after the one "
            "in which the object first appears; results may hold further frames.",
            sparse=True,
            from_first_sight=True,
        ),
        Protocol(
            "youtube-vis",
            "YouTube-VIS: a track is right when its masks are, over all frames of its video; mean "
            "over ten IoU thresholds and the categories.",
            of="tracks",
            metrics=("track AP",),
        ),
        Protocol(
            "identity",
            "Label maps of tracks, whose ids are their own: in every frame objects and tracks are "
            "matched anew (HOTA, MOTA), identity is what stays; void pixels are left out.",
            of="identities",
            metrics=("identity",),
            annotations=("Annotations_unsupervised", "Annotations"),
        ),
        Protocol(
            "coco",
            "COCO: instances of single pictures; mean over ten IoU thresholds and the categories.",
            of="instances",
            metrics=("AP", "AP^r"),
        ),
        Protocol(
            "semantic",
            "Class maps: one confusion matrix over all pictures; 255 in the ground truth is left "
            "out.",
            of="classes",
            metrics=("mIoU",),
            annotations=("SegmentationClass", "Annotations"),
        ),
    )
}


def chosen_protocol(name: str, official: bool, tolerance_px: int | None) -> Protocol:
    """The protocol of a name, where the other arguments may stand beside it.

    Raises:
        UsageError: no such protocol, one to which `official` or `tolerance_px` does not apply, or a
            tolerance below 0.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"`protocol` {name!r} is not there; there are {', '.join(PROTOCOLS)}")
    protocol = PROTOCOLS[name]
    if official and protocol.sparse:
        raise UsageError(
            f"{name} is scored by a server whose code is not public, so `official` does not apply"
        )
    if protocol.of != "masks" and (official or tolerance_px is not None):
        raise UsageError(f"`official` and `tolerance_px` are of masks; {name} is of {protocol.of}")
    if tolerance_px is not None and tolerance_px < 0:
        raise UsageError(f"`tolerance_px` is at least 0 pixels; this one is {tolerance_px}")
    return protocol
