"""`propago eval --identity`: are objects found, and do they keep their names?"""

from collections.abc import Iterator

import numpy as np

from propago.io.formats.png import read_labels
from propago.io.formats.sequence_folders import SequenceFiles
from propago.jobs.options import Progress
from propago.metrics.evaluation import Evaluation
from propago.metrics.hota import FrameOverlap, identity_score
from propago.metrics.identity import Identity, SequenceIdentity, overlap_of_labels
from propago.metrics.protocols import PROTOCOLS


def evaluate_identity(evaluation: Evaluation, progress: Progress | None = None) -> Identity:
    """HOTA, MOTA and identity switches of the label maps that an evaluation measured.

    The files are read again. All evaluated frames count, for every object in them; void pixels
    are left out, whatever the protocol does with them.

    Args:
        evaluation: the result of `propago.evaluate`; where its protocol knows one object only,
            so does this.
        progress: called with (frames done, frames in all, what is done).

    Raises:
        SourceError: a file is missing or unreadable.
        MaskError: a file holds no label map.
    """
    binary, done = PROTOCOLS[evaluation.protocol].binary, 0
    total = sum(len(files.frames) for files in evaluation.sequences)
    found: dict[str, SequenceIdentity] = {}
    for files in evaluation.sequences:
        overlaps = []
        for overlap in _overlaps(files, binary):
            overlaps.append(overlap)
            if progress:
                progress(done + len(overlaps), total, "following identities")
        done += len(overlaps)
        found[files.name] = SequenceIdentity(
            tuple(frame.name for frame in files.frames),
            tuple(overlaps),
            identity_score(overlaps, files.name),
        )
    return Identity(found)


def _overlaps(files: SequenceFiles, binary: bool) -> Iterator[FrameOverlap]:
    for frame in files.frames:
        gt, pred = read_labels(frame.gt), read_labels(frame.pred)
        if binary:
            gt, pred = (gt != 0).astype(np.uint8), (pred != 0).astype(np.uint8)
        yield overlap_of_labels(gt, pred)
