"""`segment` with a method that is fine-tuned on the given masks, and what it brings by itself."""

import json
import shutil
from types import NoneType

import pytest
import torch

from colour_net import Colours
from propago.errors import PropagoWarning, UsageError
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.jobs.segment_many import segment_set
from propago.jobs.segment_parts import load_segment_parts
from propago.methods.optical_flow.run import OpticalFlow
from propago.methods.seg_with_spn import run as seg_with_spn
from propago.nn.weights import save_weights
from propago.refinement.craf.run import Craf
from propago.refinement.spn.run import Spn
from segment_runs import mask_bytes, run


@pytest.fixture
def tiny(clip, monkeypatch):
    """A clip, and a tiny network in place of the method's, with an empty cache."""
    monkeypatch.setattr(seg_with_spn, "SegNet", Colours)
    monkeypatch.setenv("PROPAGO_CACHE", str(clip / "cache"))
    torch.manual_seed(0)
    about = {"network": "seg_with_spn/compact", "licence": "none"}
    save_weights(clip / "tiny.safetensors", Colours().state_dict(), about)
    return clip


def fine_tuned(
    place, finetune="2steps", out="out", progress=None, finetune_progress=None, **options
):
    return segment(
        place / "frames",
        place / "first.png",
        out=place / out,
        method="seg_with_spn",
        options=SegmentOptions(
            weights=str(place / "tiny.safetensors"), finetune=finetune, **options
        ),
        progress=progress,
        finetune_progress=finetune_progress,
    )


@pytest.mark.parametrize(
    ("asked", "finetune", "expected"),
    [
        ({}, None, (Spn, Craf, "60s")),
        ({"refine": "none"}, "5min", (NoneType, Craf, "300s")),
        ({"clean": "none"}, None, (Spn, NoneType, "60s")),
    ],
)
def test_a_method_brings_its_own_refiner_cleaner_and_budget(tiny, asked, finetune, expected):
    options = SegmentOptions(weights=str(tiny / "tiny.safetensors"), finetune=finetune)
    parts = load_segment_parts("seg_with_spn", asked.get("refine"), asked.get("clean"), options)
    assert (type(parts.refine), type(parts.clean), parts.finetune) == expected


def test_a_propagator_has_what_is_asked_for():
    craf = Craf()
    parts = load_segment_parts(OpticalFlow(), None, craf, SegmentOptions())
    assert (parts.refine, parts.clean, parts.finetune) == (None, craf, None)


def test_a_budget_is_legal_and_for_a_name():
    with pytest.raises(UsageError, match="300steps"):
        SegmentOptions(finetune="a while")
    with pytest.raises(UsageError, match="propagator"):
        load_segment_parts(OpticalFlow(), None, None, SegmentOptions(finetune="60s"))


def test_an_unknown_method_is_named_with_a_budget_too(clip):
    with pytest.raises(UsageError, match=r"`method` feelvoss: did you mean feelvos"):
        run(clip, method="feelvoss", finetune="2steps")


def test_many_minutes_are_said_before_they_begin(tiny):
    def stop(*_):
        raise KeyboardInterrupt

    with (
        pytest.warns(PropagoWarning, match=r"up to 9 min in all: 3 times up to 180s"),
        pytest.raises(KeyboardInterrupt),
    ):
        fine_tuned(tiny, "3min", finetune_progress=stop)
    root = tiny / "root"
    for name in ("one", "two"):
        frames = root / "JPEGImages" / "480p" / name
        shutil.copytree(tiny / "frames", frames)
        first = sorted(path.stem for path in frames.iterdir())[0]
        (root / "Annotations" / "480p" / name).mkdir(parents=True)
        shutil.copy(tiny / "first.png", root / "Annotations" / "480p" / name / f"{first}.png")
    options = SegmentOptions(weights=str(tiny / "tiny.safetensors"), finetune="1min")
    with (
        pytest.warns(PropagoWarning, match=r"up to 6 min in all: 6 times up to 60s"),
        pytest.raises(KeyboardInterrupt),
    ):
        segment_set(
            root, out=tiny / "set", method="seg_with_spn", options=options, finetune_progress=stop
        )


def test_the_record_says_what_the_method_brought_and_resume_refuses_another_budget(tiny):
    heard = []
    result = fine_tuned(tiny, finetune_progress=lambda *told: heard.append(told[:2]))
    assert heard == [(w, n) for w in ("foreground", "object 1", "object 5") for n in (1, 2)]
    inputs = json.loads((result.out / "run.json").read_text())["inputs"]
    assert (inputs["refine"]["refiner"], inputs["clean"]["cleaner"]) == ("spn", "craf")
    assert inputs["finetune"] == "2steps"
    with pytest.raises(UsageError, match=r"finetune: then '2steps', now '3steps'"):
        fine_tuned(tiny, "3steps", resume=True)


def test_an_interrupted_run_goes_on_to_the_same_bytes(tiny):
    def stop(done, total, what):
        if done == 5:
            raise KeyboardInterrupt

    whole = fine_tuned(tiny, out="whole")
    with pytest.raises(KeyboardInterrupt):
        fine_tuned(tiny, progress=stop)
    assert mask_bytes(fine_tuned(tiny, resume=True).out) == mask_bytes(whole.out)


def test_an_interrupted_fine_tuning_goes_on_to_the_same_bytes(tiny, monkeypatch):
    def stop(what, steps, share, loss):
        if (what, steps) == ("object 5", 2):
            raise KeyboardInterrupt

    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "other"))
    whole = fine_tuned(tiny, "4steps", out="whole")
    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "cache"))
    with pytest.raises(KeyboardInterrupt):
        fine_tuned(tiny, "4steps", finetune_progress=stop)
    heard = []
    result = fine_tuned(
        tiny, "4steps", resume=True, finetune_progress=lambda *told: heard.append(told[:2])
    )
    assert heard == [("object 5", 3), ("object 5", 4)]
    assert mask_bytes(result.out) == mask_bytes(whole.out)


def test_without_a_place_for_the_cache_a_note_is_said_and_all_masks_come(tiny, monkeypatch):
    wanted = mask_bytes(fine_tuned(tiny, out="kept").out)
    (tiny / "file").write_text("no folder")
    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "file"))
    with pytest.warns(PropagoWarning, match="PROPAGO_CACHE"):
        result = fine_tuned(tiny)
    assert mask_bytes(result.out) == wanted
    assert (tiny / "file").read_text() == "no folder"


def test_a_propagator_is_neither_refined_nor_cleaned_unless_asked(clip):
    inputs = json.loads((run(clip).out / "run.json").read_text())["inputs"]
    assert [inputs[key] for key in ("refine", "clean", "finetune")] == [{}, {}, None]
