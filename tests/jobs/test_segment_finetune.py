"""`segment --finetune` with hard annotations, and without a place to keep it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from propago.cli import main
from propago.io.masks import read_mask, write_mask
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.studio import SegmentRuns
from propago.methods.feelvos import finetune
from propago.methods.feelvos.net import PRESETS, FeelvosConfig, FeelvosNet
from propago.nn.weights import save_weights
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import Writer
from propago.studio.carrying import Order
from propago.types import Annotation
from segment_runs import SIZE

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)
SOME_FRAMES = 4


@pytest.fixture
def tiny(clip, monkeypatch):
    """A clip, and a tiny network in place of the method's; its fine-tuning checks one draw."""
    monkeypatch.setitem(PRESETS, "compact", replace(PRESETS["compact"], config=SMALL))
    monkeypatch.setattr(finetune, "SETTINGS", finetune.FineTuneSettings(held_out=1, warmup_steps=0))
    monkeypatch.setenv("PROPAGO_CACHE", str(clip / "cache"))
    torch.manual_seed(0)
    about = {"network": PRESETS["compact"].network, "licence": "none"}
    save_weights(clip / "tiny.safetensors", FeelvosNet(SMALL).state_dict(), about)
    return clip


def segmented(place, masks):
    """What `propago segment` writes for the masks: by index the label map."""
    out = place / "out"
    options = {
        "--masks": masks,
        "--method": "feelvos",
        "--weights": place / "tiny.safetensors",
        "--finetune": "1steps",
        "--size": 64,
        "--end": SOME_FRAMES,
        "--out": out,
    }
    flags = [str(part) for pair in options.items() for part in pair]
    assert main(["segment", str(place / "frames"), *flags, "--no-overlay"]) == 0
    return [
        read_mask(out / "masks" / f"shot_{t:03d}.png", may_be_empty=True).labels
        for t in range(SOME_FRAMES)
    ]


def written(place, maps):
    """A folder with the label maps by index of their frame."""
    folder = place / "given"
    folder.mkdir()
    for t, labels in maps.items():
        write_mask(folder / f"shot_{t:03d}.png", labels)
    return folder


def ones_in(*slices):
    labels = np.zeros(SIZE, np.uint8)
    labels[slices] = 1
    return labels


SWAPPED = np.where(ones_in(slice(0, 30)) == 1, 2, 1).astype(np.uint8)
HARD = {
    "one pixel": {0: ones_in(0, 0)},
    "the whole frame": {0: ones_in(slice(None))},
    "contradictions": {0: (3 - SWAPPED).astype(np.uint8), 3: SWAPPED},
}


@pytest.mark.parametrize("what", HARD)
def test_hard_annotations_are_fine_tuned_on_and_kept(tiny, what):
    given = HARD[what]
    found = segmented(tiny, written(tiny, given))
    ids = {0, *(int(i) for labels in given.values() for i in np.unique(labels))}
    assert set(np.unique(found)) <= ids
    assert list((tiny / "cache" / "finetuned").glob("*.safetensors"))
    for t, labels in given.items():
        assert np.array_equal(found[t], labels)


@pytest.mark.filterwarnings("always::propago.errors.PropagoWarning")
def test_a_cache_that_is_a_file_gives_a_note_and_the_masks(tiny, monkeypatch, capsys):
    kept = segmented(tiny, tiny / "first.png")
    (tiny / "out").rename(tiny / "before")
    (tiny / "file").write_text("mine")
    monkeypatch.setenv("PROPAGO_CACHE", str(tiny / "file"))
    capsys.readouterr()
    found = segmented(tiny, tiny / "first.png")
    said = capsys.readouterr().err
    assert "note: the fine-tuned weights are used but not kept" in said
    assert "PROPAGO_CACHE" in said
    assert (tiny / "file").read_text() == "mine"
    assert np.array_equal(found, kept)


def test_the_studio_fine_tunes_as_segment_does_and_says_so_meanwhile(tiny):
    first = read_mask(tiny / "first.png").labels
    found = segmented(tiny, tiny / "first.png")
    source = open_source(tiny / "frames", end=SOME_FRAMES)
    options = SegmentOptions(
        weights=str(tiny / "tiny.safetensors"), size=64, finetune="1steps", overlay=False
    )
    follow, said = SegmentRuns(source, OutputFolder(tiny / "studio"), "feelvos", options), []
    (tiny / "cache").rename(tiny / "cache-before")
    follow(Order({0: Annotation(first)}), Writer(), lambda *told: said.append(told))
    for t, labels in enumerate(found):
        path = tiny / "studio" / "masks" / f"shot_{t:03d}.png"
        assert np.array_equal(read_mask(path, may_be_empty=True).labels, labels)
    assert (0, SOME_FRAMES, "fine-tuning head, 100%") in said
    assert said[-1] == (SOME_FRAMES, SOME_FRAMES, "frames")
