"""`segment` with a method that is tuned on the given masks, and what a method brings by itself."""

import json

import numpy as np
import pytest
import torch

from colour_net import Colours
from propago.errors import MaskError, PropagoWarning, UsageError
from propago.finetune.budget import Budget
from propago.io.masks import write_mask
from propago.jobs.annotations import AnnotationSet, foresee_tuning
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment, settled
from propago.methods.optical_flow.run import OpticalFlow
from propago.methods.seg_with_spn import run as seg_with_spn
from propago.nn.weights import save_weights
from propago.types import Annotation
from segment_runs import SIZE, mask_bytes, run


@pytest.fixture
def tiny(clip, monkeypatch):
    """A clip, and a tiny network in place of the method's, with an empty cache."""
    monkeypatch.setattr(seg_with_spn, "SegNet", Colours)
    monkeypatch.setenv("PROPAGO_CACHE", str(clip / "cache"))
    torch.manual_seed(0)
    about = {"network": "seg_with_spn/compact", "licence": "none"}
    save_weights(clip / "tiny.safetensors", Colours().state_dict(), about)
    return clip


def adapted(place, finetune="2steps", out="out", progress=None, tuning=None, **options):
    return segment(
        place / "frames",
        place / "first.png",
        out=place / out,
        method="seg_with_spn",
        options=SegmentOptions(
            weights=str(place / "tiny.safetensors"), finetune=finetune, **options
        ),
        progress=progress,
        tuning=tuning,
    )


@pytest.mark.parametrize(
    ("method", "asked", "expected"),
    [
        ("seg_with_spn", {}, ("spn", "craf", "60s")),
        ("seg_with_spn", {"refine": "none", "finetune": "5min"}, ("none", "craf", "300s")),
        ("seg_with_spn", {"clean": "none"}, ("spn", "none", "60s")),
        ("feelvos", {}, ("none", "none", None)),
        ("feelvos", {"refine": "spn", "finetune": "9 steps"}, ("spn", "none", "9steps")),
        (OpticalFlow(), {"clean": "craf"}, ("none", "craf", None)),
    ],
)
def test_a_method_brings_its_own_refiner_cleaner_and_budget(method, asked, expected):
    options = settled(SegmentOptions(**asked), method)
    assert (options.refine, options.clean, options.finetune) == expected


def test_a_budget_is_legal_and_for_a_name():
    with pytest.raises(UsageError, match="300steps"):
        SegmentOptions(finetune="a while")
    with pytest.raises(UsageError, match="propagator"):
        settled(SegmentOptions(finetune="60s"), OpticalFlow())


def test_a_long_tuning_is_said_before_it_begins():
    first, later = np.arange(40, dtype=np.uint8)[None], np.array([[0, 3, 255]], np.uint8)
    given = AnnotationSet({0: Annotation(first), 5: Annotation(later), 7: Annotation(later * 0)})
    with pytest.warns(PropagoWarning, match=r"42 networks are tuned, up to 60s each: up to 42 min"):
        foresee_tuning(given, Budget(seconds=60))
    foresee_tuning(given, Budget(seconds=7))
    foresee_tuning(given, Budget(steps=300))


def test_more_objects_than_can_be_learned_are_refused_before_any_frame(tiny):
    (tiny / "masks").mkdir()
    for name, ids in (("shot_000", range(1, 200)), ("shot_003", range(200, 300))):
        labels = np.zeros(SIZE, np.uint16)
        apart = labels[::2, ::2]
        apart[:] = np.resize(ids, apart.shape)
        write_mask(tiny / "masks" / f"{name}.png", labels)
    options = SegmentOptions(weights=str(tiny / "tiny.safetensors"), finetune="2steps")
    with pytest.raises(MaskError, match=r"at most 254 objects.*299.*feelvos"):
        segment(
            tiny / "frames",
            tiny / "masks",
            out=tiny / "out",
            method="seg_with_spn",
            options=options,
        )
    assert not (tiny / "out").exists()


def test_the_record_says_what_the_method_brought_and_resume_refuses_another_budget(tiny):
    heard = []
    result = adapted(tiny, tuning=lambda *told: heard.append(told[:2]))
    assert heard == [(w, n) for w in ("foreground", "object 1", "object 5") for n in (1, 2)]
    inputs = json.loads((result.out / "run.json").read_text())["inputs"]
    assert [inputs[key] for key in ("refine", "clean", "finetune")] == ["spn", "craf", "2steps"]
    with pytest.raises(UsageError, match=r"finetune: then '2steps', now '3steps'"):
        adapted(tiny, "3steps", resume=True)


def test_an_interrupted_run_goes_on_to_the_same_bytes(tiny):
    def stop(done, total, what):
        if done == 5:
            raise KeyboardInterrupt

    whole = adapted(tiny, out="whole")
    with pytest.raises(KeyboardInterrupt):
        adapted(tiny, progress=stop)
    assert mask_bytes(adapted(tiny, resume=True).out) == mask_bytes(whole.out)


def test_an_interrupted_tuning_goes_on_to_the_same_bytes(tiny, monkeypatch):
    def stop(what, steps, share, loss):
        if (what, steps) == ("object 5", 2):
            raise KeyboardInterrupt

    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "other"))
    whole = adapted(tiny, "4steps", out="whole")
    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "cache"))
    with pytest.raises(KeyboardInterrupt):
        adapted(tiny, "4steps", tuning=stop)
    heard = []
    result = adapted(tiny, "4steps", resume=True, tuning=lambda *told: heard.append(told[:2]))
    assert heard == [("object 5", 3), ("object 5", 4)]
    assert mask_bytes(result.out) == mask_bytes(whole.out)


def test_without_a_place_for_the_cache_a_note_is_said_and_all_masks_come(tiny, monkeypatch):
    wanted = mask_bytes(adapted(tiny, out="kept").out)
    (tiny / "file").write_text("no folder")
    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "file"))
    with pytest.warns(PropagoWarning, match="PROPAGO_CACHE"):
        result = adapted(tiny)
    assert mask_bytes(result.out) == wanted
    assert (tiny / "file").read_text() == "no folder"


def test_a_propagator_is_neither_refined_nor_cleaned_unless_asked(clip):
    inputs = json.loads((run(clip).out / "run.json").read_text())["inputs"]
    assert [inputs[key] for key in ("refine", "clean", "finetune")] == ["none", "none", None]
