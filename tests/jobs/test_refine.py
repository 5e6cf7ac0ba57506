import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from propago.cli import main
from propago.errors import MaskError, SourceError, UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.pictures import write_picture
from propago.io.soft_masks import read_soft_masks, write_soft_masks
from propago.jobs.refine import refine_masks
from propago.nn.weights import save_weights
from propago.refinement.spn.net import PRESETS, SpnNet
from propago.refinement.spn.picture import refine
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings
from propago.types import SoftMasks
from random_spn import write_random_spn
from segment_runs import mask_bytes, run
from tiny_clip import tiny_clip

FRAMES, SIZE = 3, (48, 64)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_random_spn(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def video(tmp_path):
    """Frames, and masks of objects 1 and 5 with some void."""
    images, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    for t, (image, label) in enumerate(zip(images, labels, strict=True)):
        shown = label.copy()
        shown[44:, 60:] = 255
        write_picture(tmp_path / "frames" / f"{t:05d}.png", image)
        write_mask(tmp_path / "masks" / f"{t:05d}.png", shown)
    return tmp_path


def test_masks_keep_names_ids_and_void(video, weights):
    result = refine_masks(
        video / "frames", video / "masks", out=video / "out", refiner=Spn.load(weights)
    )
    assert (result.frames, result.scores) == (FRAMES, None)
    changed = False
    for t in range(FRAMES):
        before, after = (
            read_mask(folder / f"{t:05d}.png").labels for folder in (video / "masks", result.masks)
        )
        assert set(np.unique(after)) <= {0, 1, 5, 255}
        assert np.array_equal(before == 255, after == 255)
        assert Image.open(result.masks / f"{t:05d}.png").mode == "P"
        changed |= not np.array_equal(before, after)
    assert changed


def test_scores_are_what_the_network_makes_of_them(video, weights):
    scores = SoftMasks((3, 7), torch.rand(2, *SIZE).half().float())
    (video / "run" / "scores").mkdir(parents=True)
    write_soft_masks(video / "run" / "scores" / "00001.npz", scores)
    result = refine_masks(
        video / "frames", video / "run", out=video / "out", refiner=Spn.load(weights)
    )
    assert result.frames == 1
    refined = read_soft_masks(result.scores / "00001.npz")
    image = np.asarray(Image.open(video / "frames" / "00001.png"))
    wanted = refine(image, scores.probabilities, weights=weights)
    assert refined.ids == (3, 7)
    assert torch.allclose(refined.probabilities, wanted, atol=1e-3)
    labels = read_mask(result.masks / "00001.png", may_be_empty=True).labels
    assert set(np.unique(labels)) <= {0, 3, 7}


@pytest.mark.parametrize(("ids", "dtype"), [((1,), np.uint16), ((3, 12), np.uint8)])
def test_scores_as_pictures(video, weights, ids, dtype):
    spn, grey = Spn.load(weights), np.random.default_rng(0).random(SIZE)
    image = np.asarray(Image.open(video / "frames" / "00001.png"))
    wanted = refine(image, grey.astype(np.float32), weights=weights)
    for i in ids:
        place = video / "grey" if ids == (1,) else video / "grey" / str(i)
        place.mkdir(parents=True)
        levels = (grey * np.iinfo(dtype).max).round().astype(dtype)
        cv2.imwrite(str(place / "00001.png"), levels)
    options = {"scores": True, "refiner": spn}
    result = refine_masks(video / "frames", video / "grey", out=video / "out", **options)
    refined = read_soft_masks(result.scores / "00001.npz")
    assert refined.ids == ids
    assert all(np.abs(row - wanted).max() < 0.05 for row in refined.probabilities.numpy())
    with pytest.raises(MaskError, match="grey PNGs"):
        refine_masks(video / "frames", video / "masks", out=video / "none", **options)


def test_score_files_that_do_not_fit_are_said_and_do_not_block(video, weights):
    frames, scores, spn = video / "frames", video / "scored", Spn.load(weights)
    scores.mkdir()
    cases = [
        (np.ones((5, 6)), r"scored: the mask is 6x5, its frame 00000 64x48"),
        (np.full(SIZE, np.nan), r"00000\.npy: .* nan"),
    ]
    for bad, says in cases:
        np.save(scores / "00000.npy", bad)
        with pytest.raises(MaskError, match=says):
            refine_masks(frames, scores, out=video / "out", refiner=spn)
    np.save(scores / "00000.npy", np.ones(SIZE))
    assert refine_masks(frames, scores, out=video / "out", refiner=spn).frames == 1


def test_two_hundred_objects_and_wide_ids(tmp_path, weights):
    labels = np.kron(np.arange(200, 456).reshape(16, 16), np.ones((3, 4), int)).astype(np.uint16)
    labels[labels >= 400] = 0
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    write_picture(tmp_path / "frames" / "a.png", np.zeros((*SIZE, 3), np.uint8))
    write_mask(tmp_path / "masks" / "a.png", labels)
    result = refine_masks(
        tmp_path / "frames",
        tmp_path / "masks",
        out=tmp_path / "out",
        refiner=Spn.load(weights, settings=SpnSettings(margin_px=0)),
    )
    after = read_mask(result.masks / "a.png").labels
    assert after.dtype == np.uint16
    assert set(np.unique(after)) <= {0, *range(200, 400)}


def test_score_files_that_are_none_are_said(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, *SIZE), np.float32))
    assert read_soft_masks(tmp_path / "a.npy").ids == (1, 2)
    np.savez(tmp_path / "b.npz", ids=[1], probabilities=np.zeros((2, *SIZE)))
    (tmp_path / "c.npz").write_bytes(b"PK no zip")
    np.savez(tmp_path / "d.npz", other=[1])
    np.savez(tmp_path / "e.npz", ids=[1.5], probabilities=np.zeros((1, *SIZE)))
    with pytest.raises(MaskError, match="ids are integers"):
        read_soft_masks(tmp_path / "e.npz")
    for name in ("b.npz", "c.npz", "d.npz", "e.npz"):
        with pytest.raises(MaskError, match="save_scores"):
            read_soft_masks(tmp_path / name)


def test_bad_folders_are_said(video, weights):
    frames, masks = video / "frames", video / "masks"
    with pytest.raises(SourceError, match="does not exist"):
        refine_masks(frames, video / "nowhere", out=video / "out", refiner=Spn.load(weights))
    (video / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no masks"):
        refine_masks(frames, video / "empty", out=video / "out", refiner=Spn.load(weights))
    refine_masks(frames, masks, out=video / "out", refiner=Spn.load(weights))
    with pytest.raises(UsageError, match="`overwrite`"):
        refine_masks(frames, masks, out=video / "out", refiner=Spn.load(weights))
    with pytest.raises(UsageError, match="choose another `out`"):
        refine_masks(frames, masks, out=video, refiner=Spn.load(weights), overwrite=True)
    write_mask(masks / "00001.png", np.ones((5, 6), np.uint8))
    with pytest.raises(MaskError, match=r"masks: the mask is 6x5, its frame 00001 64x48"):
        refine_masks(frames, masks, out=video / "new", refiner=Spn.load(weights))
    for path in masks.iterdir():
        path.rename(masks / f"x{path.name}")
    with pytest.raises(SourceError, match="named like a frame"):
        refine_masks(frames, masks, out=video / "newer", refiner=Spn.load(weights))


def test_the_verb_says_where_things_are(video, weights, monkeypatch, capsys):
    monkeypatch.chdir(video)
    assert main(["refine", "frames", "masks", "--weights", str(weights), "--margin-px", "8"]) == 0
    said = capsys.readouterr()
    assert said.out == "masks   runs/refine/frames/masks (3 frames)\n"
    assert "weights: random, licence Apache-2.0" in said.err
    assert main(["refine", "frames", "masks", "--weights", "none"]) == 2
    assert "--weights none: no such file" in capsys.readouterr().err


def test_segment_refines_before_it_remembers(clip, weights, monkeypatch):
    monkeypatch.setitem(PRESETS["compact"].weights, "default", str(weights))
    plain, refined = run(clip, out="plain"), run(clip, out="refined", refine="spn")
    assert mask_bytes(plain.out) != mask_bytes(refined.out)
    assert (
        json.loads((refined.out / "run.json").read_text())["inputs"]["refine"]["refiner"] == "spn"
    )
    with pytest.raises(UsageError, match="another refine"):
        run(clip, out="refined", resume=True)


def test_the_refiners_weights_are_said_and_recorded(clip, weights, tmp_path, monkeypatch, capsys):
    other = tmp_path / "other.safetensors"
    about = {"network": PRESETS["compact"].network, "licence": "CC-BY-NC-4.0"}
    digest = save_weights(other, SpnNet().state_dict(), about)
    monkeypatch.setitem(PRESETS["compact"].weights, "default", str(other))
    monkeypatch.chdir(clip)
    call = "segment frames --masks first.png --weights synthetic --refine spn --end 1 --no-overlay"
    assert main([*call.split(), "--out", "out"]) == 0
    said = capsys.readouterr().err
    assert "weights: feelvos-synthetic, licence Apache-2.0\n" in said
    assert "weights: other, licence CC-BY-NC-4.0\n" in said
    inputs = json.loads((clip / "out" / "run.json").read_text())["inputs"]
    assert inputs["refine"]["weights_sha256"] == digest
    monkeypatch.setitem(PRESETS["compact"].weights, "default", str(weights))
    assert main([*call.split(), "--out", "out", "--resume"]) == 2
    assert "another refine (refine weights: then 'other', now 'random'" in capsys.readouterr().err
