"""YouTube-VIS JSON: the tracks of a video, and label maps made of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.detections import Detections, Tracks
from propago.errors import MaskError, SourceError
from propago.io.detection_sequence import DetectionSequence
from propago.io.formats.json_files import checked_records, of_listed, read_json, records_of
from propago.io.formats.video_json import (
    TRACK,
    VIDEO,
    class_names,
    read_youtube_vis,
    sniff_youtube_vis,
)
from propago.io.instances import FrameInstances
from propago.io.json_fields import in_words
from propago.io.mask_sequence import MaskSequence
from propago.io.rle import decode, encode, to_rle


def sniff(path: Path) -> bool:
    """Whether it is a .json file that begins like an object."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read(path: Path) -> MaskSequence:
    """The label maps of the one video in a file of {"videos", "annotations"}.

    Where two objects overlap the more confident is in front, of equal ones that of the higher id.

    Raises:
        SourceError: unreadable, or not of one video.
        MaskError: a mask of an unknown form or of another size.
    """
    videos = read_youtube_vis(path)
    if len(videos) != 1:
        raise SourceError(f"{path} holds {len(videos)} videos; masks are of one video")
    readers = videos[0].readers
    return MaskSequence(path, {name: partial(_labels, read) for name, read in readers.items()})


def sniff_detections(path: Path) -> bool:
    """Whether it is a .json file of tracks of videos."""
    return sniff_youtube_vis(path)


def read_detections(path: Path) -> DetectionSequence:
    """The masks of the tracks of one video, whose identities are not used.

    Raises:
        SourceError: unreadable, cut off, no such file, or of several videos.
    """
    content = read_json(path)
    try:
        results = isinstance(content, list)
        if results:
            tracks = checked_records(path, content, "result", TRACK)
            several = sorted({int(track["video_id"]) for track in tracks})
        else:
            videos = records_of(path, content, "videos", VIDEO)
            tracks = of_listed(
                path, records_of(path, content, "annotations", TRACK), "video_id", videos
            )
            several = [int(video["id"]) for video in videos]
        if len(several) > 1:
            raise SourceError(
                f"{path} holds {len(several)} videos ({', '.join(map(str, several[:5]))} ...); "
                "keep the entries of one video_id"
            )
        length = max((len(track["segmentations"]) for track in tracks), default=0)
        if results:
            names: list[str | int] = list(range(length))
            classes = {}
        else:
            names = [Path(name).stem for name in content["videos"][0]["file_names"]]
            classes = class_names(path, content)
        readers = {
            name: partial(_frame, path, tracks, n, len(names)) for n, name in enumerate(names)
        }
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{path} is no YouTube-VIS file ({in_words(error)}): results are a list of video_id, "
            "category_id, score and segmentations, one a frame"
        ) from error
    return DetectionSequence(path, readers, classes)


def _frame(
    path: Path, tracks: Sequence[Mapping[str, Any]], n: int, length: int, size: tuple[int, int]
) -> Detections:
    """What the tracks say of the n-th frame."""
    found = []
    for track in tracks:
        if len(track["segmentations"]) != length:
            raise MaskError(
                f"{path}: one track has {len(track['segmentations'])} segmentations, another or "
                f"the video {length}; null stands for a frame without the object"
            )
        rle = to_rle(track["segmentations"][n], size, f"{path}: frame {n}")
        if rle is not None:
            found.append((rle, track.get("category_id", 1), track.get("score", 1.0)))
    masks = decode([rle for rle, _, _ in found], size)
    return Detections.of_masks(masks, [c for _, c, _ in found], [s for _, _, s in found])


def tracks_to_youtube_vis(tracks: Tracks, video_id: int) -> list[dict[str, Any]]:
    """The tracks of one video as results: values of JSON.

    A track's category is the most frequent of its frames, its score the mean of them.

    Raises:
        MaskError: the tracks are boxes only.
    """
    found = []
    for identity in tracks.ids:
        mine = tracks.of(identity)
        classes = np.concatenate([one.classes for one in mine.values()])
        values, counts = np.unique(classes, return_counts=True)
        found.append(
            {
                "id": identity,
                "video_id": video_id,
                "category_id": int(values[counts.argmax()]),
                "score": float(np.mean([one.confidence[0] for one in mine.values()])),
                "segmentations": [
                    _rle(mine[name]) if name in mine else None for name in tracks.frames
                ],
            }
        )
    return found


def _rle(one: Detections) -> dict[str, Any]:
    if one.masks is None:
        raise MaskError("YouTube-VIS tracks need masks; these detections are boxes only")
    return encode(one.masks)[0]


def _labels(read: Callable[[], FrameInstances]) -> np.ndarray:
    return read().labels()
