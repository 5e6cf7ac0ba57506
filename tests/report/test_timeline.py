import numpy as np

from propago.metrics.hota import FrameOverlap
from propago.report.timeline import Fate, Stretch, stretches


def frame(gt_ids, predicted_ids, iou) -> FrameOverlap:
    return FrameOverlap(
        gt_ids, predicted_ids, np.array(iou, float).reshape(len(gt_ids), len(predicted_ids))
    )


def test_every_fate_by_hand():
    overlaps = [
        frame((1, 2), (1, 2), [[0.5, 0], [0, 1]]),
        frame((1, 2), (1, 2), [[0.9, 0], [0, 1]]),
        frame((1, 2), (1, 2), [[0.2, 0.3], [0, 0]]),
        frame((1, 2), (1, 2), [[0.2, 0.6], [0, 0]]),
        frame((1, 2), (1, 2), [[0.09, 0.3], [0, 0]]),
        frame((1,), (), []),
        frame((2,), (2,), [[1]]),
        frame((2,), (1, 2), [[0, 1]]),
    ]
    assert stretches(overlaps, 1, 1) == (
        Stretch(Fate.FOLLOWED, 0, 1),
        Stretch(Fate.WEAK, 2, 2),
        Stretch(Fate.SWAPPED, 3, 3, called=2),
        Stretch(Fate.LOST, 4, 5),
        Stretch(Fate.ABSENT, 6, 6),
        Stretch(Fate.INVENTED, 7, 7),
    )


def test_an_object_without_a_prediction_of_its_own():
    overlaps = [frame((4,), (9,), [[0.8]]), frame((4,), (9,), [[0.2]]), frame((), (9,), [])]
    assert stretches(overlaps, 4, 9)[0].fate is Fate.FOLLOWED
    assert [s.fate for s in stretches(overlaps, 4, None)] == [
        Fate.SWAPPED,
        Fate.LOST,
        Fate.ABSENT,
    ]


def test_stretches_cover_all_frames_once():
    rng = np.random.default_rng(0)
    overlaps = [frame((1,), (1, 2), rng.random((1, 2))) for _ in range(200)]
    found = stretches(overlaps, 1, 1)
    assert [t for s in found for t in range(s.first, s.last + 1)] == list(range(200))
    assert sum(s.frames for s in found) == 200
