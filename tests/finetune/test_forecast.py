import warnings

import numpy as np
import pytest

from colour_net import Colours
from propago.errors import PropagoWarning
from propago.finetune.budget import Budget
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.forecast import forecast
from propago.methods.feelvos.net import FeelvosNet
from propago.methods.feelvos.run import Feelvos
from propago.methods.optical_flow.run import OpticalFlow
from propago.methods.seg_with_spn.run import SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.types import Annotation

MANY = np.arange(40, dtype=np.uint8)[None]
FEW = np.array([[0, 3, 255]], np.uint8)
VIDEO = {0: Annotation(MANY), 5: Annotation(FEW), 7: Annotation(FEW * 0)}


def seg_with_spn(budget, **settings):
    return SegWithSpn(Colours(), FineTuning(budget), SegSettings(**settings))


def test_what_a_video_takes_by_hand():
    minute = Budget(seconds=60)
    assert seg_with_spn(minute).fine_tuning_count(VIDEO) == (1 + 39) + (1 + 1)
    assert seg_with_spn(minute, per="video").fine_tuning_count(VIDEO) == 4
    assert seg_with_spn(minute, finetune_foreground=False).fine_tuning_count(VIDEO) == 40
    assert Feelvos(FeelvosNet()).fine_tuning_count(VIDEO) == 2


def test_many_minutes_are_said_of_all_videos_together():
    with pytest.warns(PropagoWarning, match=r"up to 42 min in all: 42 times up to 60s"):
        forecast(seg_with_spn(Budget(seconds=60)), VIDEO)
    with pytest.warns(PropagoWarning, match=r"up to 6 min in all: 6 times"):
        forecast(seg_with_spn(Budget(seconds=60)), *[{0: Annotation(FEW)}] * 3)


@pytest.mark.parametrize(
    "method",
    [
        seg_with_spn(Budget(seconds=7)),
        seg_with_spn(Budget(steps=300)),
        Feelvos(FeelvosNet()),
        OpticalFlow(),
    ],
    ids=["minutes", "steps", "not asked for", "never"],
)
def test_nothing_is_said_of_what_is_short(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(method, VIDEO)
