"""The folders of DAVIS and YouTube-VOS: JPEGImages and Annotations/<resolution>/<sequence>/<frame>.

Imports nothing heavy, so that jobs on label maps start fast.
"""

from pathlib import Path

PICTURES, ANNOTATIONS = "JPEGImages", "Annotations"
_RESOLUTIONS = ("480p", "Full-Resolution", "1080p")


def sequences_in(top: Path) -> Path:
    """The folder below `top` whose folders are sequences: 480p before others, else `top`."""
    return next((top / name for name in _RESOLUTIONS if (top / name).is_dir()), top)


def davis_frames(root: Path, sequence: str) -> Path:
    """The folder of the pictures of a sequence."""
    return sequences_in(root / PICTURES) / sequence


def davis_annotations(root: Path, sequence: str) -> Path:
    """The folder of the ground-truth masks of a sequence."""
    return sequences_in(root / ANNOTATIONS) / sequence
