"""The paper's networks can be trained: tasks, published weights of their encoders, one step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from propago.data.task import ImageSettings
from propago.errors import WeightsError
from propago.jobs.train import initial_task
from propago.methods.bridging.net import Fcrn
from propago.methods.bridging.train import BridgingTraining
from propago.methods.seg_with_spn.net import PRESETS, SegNet
from propago.methods.seg_with_spn.objective import SegBatch
from propago.nn.resnet import ResNet
from propago.nn.vgg import Vgg16
from propago.nn.weights import save_weights
from propago.refinement.spn.net import PRESETS as SPN
from propago.refinement.spn.objective import CropBatch
from propago.refinement.spn.run import Spn
from propago.training.recipe import Recipe

SEG = Recipe("seg", method="seg_with_spn", task=ImageSettings("paper"))
BRIDGING = Recipe(
    "bridging",
    method="bridging",
    task=BridgingTraining("paper", height=64, width=96, frozen_stride=8),
    data={"people": 1.0},
)
CROPS = Recipe(
    "sharpen",
    method="spn",
    task=ImageSettings("paper", encoder_lr_scale=0.0),
    data={"davis": {"weight": 1.0, "set": "some"}},
)


def published(encoder, path):
    """A file like torchvision's; every tensor has one value, so it is small."""
    tensors = {"fc.bias": torch.zeros(9), "classifier.0.bias": torch.zeros(9)}
    for name, tensor in encoder.state_dict().items():
        value = 1 / tensor[0].numel() if tensor.ndim == 4 else 0.1 if "bn3.w" in name else 1.0
        tensors[name] = torch.tensor(value).expand(tensor.shape)
    del tensors["classifier.0.bias" if isinstance(encoder, ResNet) else "fc.bias"]
    torch.save(tensors, path)
    return str(path)


@pytest.fixture(scope="module")
def seg_task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    with torch.device("meta"):
        encoder = ResNet(101)
    init = published(encoder, folder / "resnet101.pth")
    return initial_task(replace(SEG, init=init), folder)


def test_the_foreground_network_begins_from_the_published_resnet(seg_task):
    net = seg_task.net
    assert (seg_task.network, seg_task.encoder.title) == (PRESETS["paper"].network, "ResNet-101")
    assert net.config == PRESETS["paper"].config
    assert torch.all(net.trunk.layer3[22].conv2.weight == 1 / (256 * 9))
    assert net.trunk.layer4[2].bn3.weight.unique().item() == pytest.approx(0.1)
    with torch.device("meta"):
        assert SegNet(PRESETS["paper"].config).state_dict().keys() == net.state_dict().keys()


def test_a_step_reaches_every_layer_of_the_foreground_network(seg_task):
    truth = torch.zeros(1, 32, 32, dtype=torch.uint8)
    truth[:, 8:20, 8:20] = 1
    images = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8)
    loss, _ = seg_task.objective(SegBatch(images, truth), 0)
    loss.backward()
    assert loss.isfinite()
    net = seg_task.net
    for layer in (net.trunk.conv1, net.trunk.layer4[2].bn3, net.reduce, net.score):
        assert layer.weight.grad.isfinite().all()
        assert layer.weight.grad.any()


def test_the_vgg_guidance_is_trained_and_loaded(data, tmp_path):
    init = published(Vgg16(), tmp_path / "vgg16.pth")
    task = initial_task(replace(CROPS, init=init), data)
    net = task.net
    assert (task.network, task.encoder.title) == ("spn/paper", "VGG-16")
    assert net.config == SPN["paper"].config
    assert [group["lr_scale"] for group in task.groups] == [1.0, 0.0]
    assert set(task.groups[1]["params"]) == set(net.pretrained.parameters())
    torch.nn.init.normal_(net.get_parameter("guidance.gates.weight"), std=0.01)
    images = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8)
    truth = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    truth[..., 8:20, 8:20] = 1
    loss, _ = task.objective(CropBatch(images, truth.float(), truth), 0)
    loss.backward()
    assert net.guidance.up[0][0].weight.grad.any()
    about = {"network": task.network, "licence": "mine"}
    digest = save_weights(tmp_path / "mine.safetensors", net.state_dict(), about)
    spn = Spn.load(tmp_path / "mine.safetensors")
    assert isinstance(spn.net.pretrained, Vgg16)
    assert spn.description == {
        "refiner": "spn",
        "preset": "paper",
        "weights": "mine",
        "weights_sha256": digest,
        "weights_licence": "mine",
    }
    coarse = torch.rand(1, 20, 30)
    assert spn.refine(torch.rand(3, 20, 30), coarse).shape == coarse.shape


def test_weights_that_do_not_fit_are_said(data, tmp_path):
    with torch.device("meta"):
        other = published(ResNet(50), tmp_path / "resnet50.pth")
        for recipe, file in ((SEG, "resnet101-63fe2227"), (CROPS, "vgg16-397923af")):
            with pytest.raises(WeightsError, match=rf"fetch .*{file}\.pth"):
                initial_task(replace(recipe, init="imagenet"), data)
            with pytest.raises(WeightsError, match=f"not the weights of .*{file}"):
                initial_task(replace(recipe, init=other), data)
    with pytest.raises(WeightsError, match='init = "imagenet"'):
        initial_task(replace(CROPS, task=ImageSettings(), init=other), data)
    save_weights(tmp_path / "a.safetensors", {"a": torch.ones(1)}, {"network": "toy"})
    with pytest.raises(WeightsError, match="of toy, not of spn/compact or spn/paper"):
        Spn.load(tmp_path / "a.safetensors")


def test_both_networks_of_bridging_begin_from_the_published_resnet_and_learn(tmp_path):
    """One step at 64x96 changes what is not frozen; loss and gradients are finite."""
    with torch.device("meta"):
        encoder = ResNet(101)
    init = published(encoder, tmp_path / "resnet101.pth")
    (tmp_path / "stills/people/images").mkdir(parents=True)
    (tmp_path / "stills/people/masks").mkdir()
    mask = np.zeros((64, 96), np.uint8)
    mask[8:60, 20:50] = 255
    for n in range(2):
        rgb = np.random.default_rng(n).integers(0, 255, (64, 96, 3)).astype(np.uint8)
        Image.fromarray(rgb).save(tmp_path / f"stills/people/images/{n}.jpg")
        Image.fromarray(mask).save(tmp_path / f"stills/people/masks/{n}.png")
    task = initial_task(replace(BRIDGING, init=init), tmp_path)
    net = task.net
    assert task.network == "bridging/paper"
    for trunk in (net.categories.trunk, net.boxes.trunk):
        assert torch.all(trunk.layer3[22].conv2.weight == 1 / (256 * 9))
    assert net.categories.classifier.weight.shape == (92, 2048, 5, 5)
    assert net.boxes.classifier.weight.shape == (4, 2048, 5, 5)
    frozen = {p for group in task.groups if not group["lr_scale"] for p in group["params"]}
    assert net.boxes.trunk.layer2[0].conv1.weight in frozen
    assert net.boxes.trunk.layer3[0].conv1.weight not in frozen
    loss, _ = task.objective(task.collate([task.dataset.sample(np.random.default_rng(0))]), 0)
    loss.backward()
    assert torch.isfinite(loss)
    for part in (net.categories, net.boxes):
        assert isinstance(part, Fcrn)
        gradient = part.classifier.weight.grad
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.any()
        assert part.trunk.layer4[0].conv2.weight.grad.any()
