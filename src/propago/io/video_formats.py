"""The formats of annotated video, and what each of them holds."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from propago.errors import UsageError

Fact = Literal[
    "names",
    "empty frames",
    "identities",
    "ids above 254",
    "classes",
    "class names",
    "scores",
    "overlaps",
    "void",
    "soft edges",
    "parents",
]
"""What is known of a video: a format holds it, or loses it and `convert` says so."""

_MAPS: tuple[Fact, ...] = ("names", "empty frames", "identities", "void")
_DRAWN: tuple[Fact, ...] = (
    *("names", "empty frames", "identities", "ids above 254"),
    *("classes", "class names", "overlaps"),
)
_SOFT: tuple[Fact, ...] = (
    *("names", "empty frames", "identities", "ids above 254", "overlaps", "soft edges"),
)
_MATTE: tuple[Fact, ...] = (*_SOFT, "classes", "class names", "scores", "void", "parents")
"""What a picture is not expected to say is no loss."""
_ONLY: Any = {"sniff": "", "read": "", "needs_source": "write"}
_TRACKS: tuple[Fact, ...] = (*_DRAWN, "scores")


@dataclass(frozen=True)
class VideoFormat:
    """How annotated videos lie on disk: functions of a module in `propago.io.formats`.

    Attributes:
        what: for tables and help.
        module: imported when the format is used.
        holds: what it can say of a video; the rest is lost.
        suffix: of its file; empty: a folder.
        several: whether it holds several videos.
        sniff: (path) -> whether it is of this format; empty: it looks like another one.
        read: (path) -> list of `InstanceSequence`; empty: it is written only.
        write: (path, videos) -> sentences about what had to change, or None; empty: read only.
        needs_source: "read" takes the frames as a `Source`, too; or "write" does, and how mattes
            are made.
    """

    what: str
    module: str
    holds: tuple[Fact, ...]
    suffix: str = ""
    several: bool = False
    sniff: str = "sniff_instances"
    read: str = "read_instances"
    write: str = "write_instances"
    needs_source: Literal["", "read", "write"] = ""

    def call(self, function: str, *arguments: Any) -> Any:
        """Call one of its functions."""
        return getattr(import_module(f"propago.io.formats.{self.module}"), function)(*arguments)


VIDEO_FORMATS: dict[str, VideoFormat] = {
    "track-run": VideoFormat(
        "the folder that `propago track` wrote", "track_run", (*_TRACKS, "parents"), write=""
    ),
    "ctc": VideoFormat(
        "Cell Tracking Challenge: mask000.tif, res_track.txt",
        "ctc",
        ("empty frames", "identities", "ids above 254", "parents"),
    ),
    "labelme": VideoFormat(
        "FRAME.json: masks in boxes",
        "labelme",
        _DRAWN,
    ),
    "labelme-polygons": VideoFormat(
        "FRAME.json: polygons",
        "labelme",
        _DRAWN,
        sniff="",
        write="write_polygons",
    ),
    "binary-pngs": VideoFormat(
        "ID/FRAME.png of 0 and 255, a folder an object",
        "object_folders",
        ("names", "empty frames", "identities", "ids above 254", "overlaps"),
    ),
    "label-maps": VideoFormat(
        "FRAME.png with the DAVIS palette, or of 16 bits",
        "label_folders",
        (*_MAPS, "ids above 254"),
        several=True,
        sniff="",
        write="write_label_maps",
    ),
    "davis": VideoFormat(
        "Annotations/480p/SEQUENCE/FRAME.png",
        "label_folders",
        (*_MAPS, "ids above 254"),
        several=True,
        sniff="",
        write="write_davis",
    ),
    "youtube-vos": VideoFormat(
        "Annotations/SEQUENCE/FRAME.png, meta.json",
        "label_folders",
        (*_MAPS, "ids above 254", "classes", "class names"),
        several=True,
        write="write_youtube_vos",
    ),
    "grey-pngs": VideoFormat(
        "FRAME.png, 8-bit grey: the value is the id",
        "label_folders",
        _MAPS,
        several=True,
        sniff="",
        read="read_plain",
        write="write_grey",
    ),
    "16-bit-pngs": VideoFormat(
        "FRAME.png, 16-bit grey: the value is the id",
        "label_folders",
        ("names", "empty frames", "identities", "ids above 254"),
        several=True,
        sniff="",
        read="read_plain",
        write="write_16_bit",
    ),
    "rgb-pngs": VideoFormat(
        "FRAME.png of the DAVIS colours",
        "label_folders",
        _MAPS,
        several=True,
        sniff="",
        read="read_rgb",
        write="write_rgb",
    ),
    "tiff": VideoFormat(
        "a page a frame, 8 or 16 bits",
        "stacks",
        (*_MAPS, "ids above 254"),
        ".tif",
        sniff="sniff_tiff",
        read="read_tiff",
        write="write_tiff",
    ),
    "npz": VideoFormat(
        "labels (T, H, W) and names",
        "stacks",
        (*_MAPS, "ids above 254"),
        ".npz",
        sniff="sniff_array",
        read="read_array",
        write="write_npz",
    ),
    "npy": VideoFormat(
        "(T, H, W)",
        "stacks",
        ("empty frames", "identities", "ids above 254", "void"),
        ".npy",
        sniff="",
        read="read_array",
        write="write_npy",
    ),
    "cvat": VideoFormat(
        "CVAT for video 1.1: XML, tracks of masks",
        "cvat",
        tuple(fact for fact in _DRAWN if fact != "names"),
        ".xml",
    ),
    "youtube-vis": VideoFormat(
        "JSON: videos, tracks with a mask a frame",
        "video_json",
        _TRACKS,
        ".json",
        several=True,
        sniff="sniff_youtube_vis",
        read="read_youtube_vis",
        write="write_youtube_vis",
    ),
    "label-studio": VideoFormat(
        "JSON: a task a frame, brushes",
        "label_studio",
        (*_DRAWN, "scores"),
        ".json",
    ),
    "coco": VideoFormat(
        "JSON: images of videos, masks as RLE",
        "coco_videos",
        (*_TRACKS, "void"),
        ".json",
        several=True,
    ),
    "coco-polygons": VideoFormat(
        "JSON: images of videos, masks as polygons",
        "coco_videos",
        (*_TRACKS, "void"),
        ".json",
        several=True,
        sniff="",
        write="write_polygons",
    ),
    "mots": VideoFormat(
        "text: a line a mask",
        "mots",
        ("identities", "ids above 254", "classes", "overlaps", "void"),
        ".txt",
    ),
    "mots-png": VideoFormat(
        "FRAME.png of 16 bits, 1000 times the class and a number",
        "mots_png",
        ("names", "empty frames", "identities", "ids above 254", "classes", "void"),
        several=True,
        sniff="",
    ),
    "csv": VideoFormat(
        "a table: a row an object and frame, with box, area and centroid",
        "table",
        tuple(fact for fact in _MATTE if fact != "parents"),
        ".csv",
        several=True,
        sniff="",
        read="",
    ),
    "soft-masks": VideoFormat(
        "FRAME.npz: ids and float16 probabilities",
        "soft_masks",
        _SOFT,
    ),
    "soft-pictures": VideoFormat(
        "ID/FRAME.png, 16-bit grey",
        "soft_pictures",
        _SOFT,
        sniff="",
    ),
    "rgba-pngs": VideoFormat(
        "FRAME.png of the frame and alpha, 8 bits", "mattes", _MATTE, write="write_rgba", **_ONLY
    ),
    "alpha-pngs": VideoFormat(
        "FRAME.png, 16-bit grey: alpha alone", "mattes", _MATTE, write="write_alpha", **_ONLY
    ),
    "prores": VideoFormat(
        "ProRes 4444 with alpha", "mattes", _MATTE, ".mov", write="write_video", **_ONLY
    ),
    "webm": VideoFormat("VP9 with alpha", "mattes", _MATTE, ".webm", write="write_video", **_ONLY),
    "cutout": VideoFormat(
        "H.264: the objects on a colour", "mattes", _MATTE, ".mp4", write="write_cutout", **_ONLY
    ),
    "yolo": VideoFormat(
        "labels/FRAME.txt: a line a class and a polygon; classes.txt",
        "yolo",
        ("names", "empty frames", "classes", "class names", "overlaps"),
        sniff="sniff_detections",
        needs_source="read",
    ),
}
"""By name, in the order in which they are tried."""


def video_format(name: str) -> VideoFormat:
    """A format by its name.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in VIDEO_FORMATS:
        raise UsageError(f"{name!r} is no format; there are {', '.join(VIDEO_FORMATS)}")
    return VIDEO_FORMATS[name]
