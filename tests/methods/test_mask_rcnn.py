"""Mask R-CNN: torchvision's names and shapes, an over-fit, what a detector gives back."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from propago.components import DETECTORS, load_component
from propago.data.instances import InstanceStill, example_of
from propago.data.task import parameter_groups
from propago.errors import UsageError, WeightsError
from propago.methods.mask_rcnn.net import PRESETS
from propago.methods.mask_rcnn.objective import MaskRcnnObjective
from propago.methods.mask_rcnn.published import fill_published, load_published, our_name
from propago.methods.mask_rcnn.run import MaskRcnnDetector
from propago.nn.detection import DetectionSettings
from propago.nn.mask_rcnn import MaskRcnn, MaskRcnnConfig
from propago.nn.rcnn_losses import Sampling
from propago.nn.rcnn_targets import batched
from propago.nn.weights import describe_shipped, fill_encoder, load_weights
from propago.training.validate_detector import validate_detector
from propago.types import Frame

SMALL = MaskRcnnConfig(
    width=32,
    hidden=64,
    mask_width=32,
    mask_convolutions=1,
    outputs=4,
    anchors_px={8: (16, 24), 16: (32, 48)},
)
SIZE = (96, 128)


def published_shapes():
    """Names and shapes in maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth, batch norms' counts aside."""
    shapes = {}

    def conv(name, out, inside, kernel, bias=True):
        shapes[f"{name}.weight"] = (out, inside, kernel, kernel)
        if bias:
            shapes[f"{name}.bias"] = (out,)

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)

    conv("backbone.body.conv1", 64, 3, 7, bias=False)
    norm("backbone.body.bn1", 64)
    inside = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name = f"backbone.body.layer{stage}.{block}"
            for n, (out, into, kernel) in enumerate(
                ((width, inside, 1), (width, width, 3), (4 * width, width, 1)), 1
            ):
                conv(f"{name}.conv{n}", out, into, kernel, bias=False)
                norm(f"{name}.bn{n}", out)
            if not block:
                conv(f"{name}.downsample.0", 4 * width, inside, 1, bias=False)
                norm(f"{name}.downsample.1", 4 * width)
            inside = 4 * width
    for n, channels in enumerate((256, 512, 1024, 2048)):
        conv(f"backbone.fpn.inner_blocks.{n}", 256, channels, 1)
        conv(f"backbone.fpn.layer_blocks.{n}", 256, 256, 3)
    conv("rpn.head.conv", 256, 256, 3)
    conv("rpn.head.cls_logits", 3, 256, 1)
    conv("rpn.head.bbox_pred", 12, 256, 1)
    for name, out, into in (
        ("box_head.fc6", 1024, 256 * 49),
        ("box_head.fc7", 1024, 1024),
        ("box_predictor.cls_score", 91, 1024),
        ("box_predictor.bbox_pred", 364, 1024),
    ):
        shapes[f"roi_heads.{name}.weight"], shapes[f"roi_heads.{name}.bias"] = (out, into), (out,)
    for n in range(1, 5):
        conv(f"roi_heads.mask_head.mask_fcn{n}", 256, 256, 3)
    conv("roi_heads.mask_predictor.conv5_mask", 256, 256, 2)
    conv("roi_heads.mask_predictor.mask_fcn_logits", 91, 256, 1)
    return shapes


def newer(name):
    """What later releases of torchvision call a tensor."""
    for old, new in (("conv", "conv.0.0"), *((f"mask_fcn{n}", f"{n - 1}.0") for n in range(1, 5))):
        name = name.replace(f"rpn.head.{old}.", f"rpn.head.{new}.")
        name = name.replace(f"roi_heads.mask_head.{old}.", f"roi_heads.mask_head.{new}.")
    for block in ("inner_blocks", "layer_blocks"):
        for n in range(4):
            name = name.replace(f"{block}.{n}.", f"{block}.{n}.0.")
    return name


@pytest.mark.parametrize("rename", [str, newer], ids=["as published", "newer names"])
def test_the_paper_preset_takes_torchvisions_file(rename):
    with torch.device("meta"):
        net = MaskRcnn(PRESETS["paper"].config)
    shapes = published_shapes()
    norms = re.compile(r"\.bn\d\.|downsample\.1")
    counted = sum(math.prod(shape) for name, shape in shapes.items() if not norms.search(name))
    assert counted == 44_401_393
    own = {n: tuple(t.shape) for n, t in net.state_dict().items() if "num_batches" not in n}
    assert {our_name(rename(name)): shape for name, shape in shapes.items()} == own


def test_a_published_file_is_refused_where_it_does_not_fit(tmp_path):
    net = MaskRcnn(SMALL)
    with pytest.raises(WeightsError, match=r"head\.weight is no tensor of torchvision's"):
        fill_published(net, {"head.weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match="the preset is not paper"):
        fill_published(net, {"rpn.head.cls_logits.bias": torch.zeros(3)})
    (tmp_path / "x.pth").write_bytes(b"no file of torch")
    with pytest.raises(WeightsError, match=r"x\.pth: no readable file .* fetch https"):
        load_published(net, tmp_path / "x.pth")


def discs(seed):
    """A picture with up to three discs and boxes: classes 1 and 2."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(SIZE, np.uint16)
    image = np.full((*SIZE, 3), 70, np.uint8)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for n, (y, x) in enumerate(((25, 25), (65, 60), (30, 100)), 1):
        radius = rng.integers(11, 17)
        far = (
            np.hypot(rows - y, columns - x)
            if n != 2
            else np.maximum(abs(rows - y), abs(columns - x))
        )
        ids[far < radius] = n
        image[far < radius] = rng.integers(120, 255, 3)
    return image, ids


@dataclass(frozen=True)
class Discs(InstanceStill):
    """A picture that is no file."""

    seed: int = 0

    def read(self):
        return discs(self.seed)


def still(seed):
    return Discs(Path(f"{seed}.jpg"), lambda: discs(seed)[1], {1: 1, 2: 2, 3: 1}, seed=seed)


@pytest.mark.slow
def test_it_learns_two_pictures_by_heart():
    torch.manual_seed(0)
    net, stills = MaskRcnn(SMALL), [still(0), still(1)]
    fill_encoder(net.encoder, load_weights("feelvos-further"))
    objective = MaskRcnnObjective(net, Sampling(64, 32, 100, 60))
    batch = batched([example_of(*one.read(), one) for one in stills], SMALL.outputs)
    steps = 150
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps)
    for step in range(steps):
        loss, _ = objective(batch, step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimiser.step()
        schedule.step()
    detector = MaskRcnnDetector(net, SIZE[0], DetectionSettings(0.05))
    result = validate_detector(detector, {"discs": stills}, 2)
    assert result.numbers["val_ap50_discs"] > 0.9
    assert "discs" in result.line


def untrained(**settings):
    torch.manual_seed(0)
    return MaskRcnnDetector(MaskRcnn(SMALL), 96, DetectionSettings(**settings))


@pytest.mark.parametrize("size", [(96, 128), (37, 51), (200, 60)])
def test_a_detector_gives_boxes_and_masks_in_the_frame(size):
    frame = Frame(torch.rand(3, *size), 0, "")
    found = untrained(min_confidence=0.0, most=7)(frame)
    assert 0 < len(found) <= 7
    assert found.masks.shape == (len(found), *size)
    assert (found.boxes_xyxy >= 0).all()
    assert (found.boxes_xyxy[:, 2:] <= np.array(size[::-1]) + 1e-3).all()
    assert set(found.classes) <= {1, 2, 3}
    assert len(untrained(min_confidence=1.0)(frame)) == 0


def test_the_encoder_is_frozen_down_to_a_stride():
    net = MaskRcnn(SMALL)
    heads, encoder, frozen = parameter_groups(net, net.encoder, 0.3, net.encoder.early(8))
    assert (heads["lr_scale"], encoder["lr_scale"], frozen["lr_scale"]) == (1, 0.3, 0)
    assert set(frozen["params"]) == {
        p for part in (net.encoder.stem, *net.encoder.stages[:3]) for p in part.parameters()
    }
    together = [p for group in (heads, encoder, frozen) for p in group["params"]]
    assert len(together) == len(set(together)) == len([*net.parameters()])
    resnet = MaskRcnn(PRESETS["paper"].config).encoder
    assert {id(p) for p in resnet.early(4)} == {
        id(p) for part in (resnet.conv1, resnet.bn1, resnet.layer1) for p in part.parameters()
    }
    assert not resnet.early(0)


def test_the_shipped_weights_load_and_are_small():
    detector = load_component(DETECTORS, "mask_rcnn", "`detector`")
    assert detector.description["weights"] == "mask-rcnn-compact"
    assert describe_shipped("mask-rcnn-compact").size_bytes < 12e6


def test_what_cannot_be_loaded_is_said():
    with pytest.raises(UsageError, match="`preset` tiny: there are compact, paper"):
        load_component(DETECTORS, "mask_rcnn", "`detector`", preset="tiny")
    with pytest.raises(WeightsError, match="mask_rcnn/paper"):
        load_component(DETECTORS, "mask_rcnn", "`detector`", preset="paper")
    with pytest.raises(UsageError, match="`size` 8: the working size"):
        load_component(DETECTORS, "mask_rcnn", "`detector`", size=8)
