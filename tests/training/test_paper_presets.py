"""The paper's networks can be trained: tasks, published weights of their encoders, one step."""

from dataclasses import replace

import pytest
import torch

from propago.data.task import ImageSettings
from propago.errors import WeightsError
from propago.jobs.train import begun
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
    return begun(replace(SEG, init=init), folder)


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
    task = begun(replace(CROPS, init=init), data)
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
                begun(replace(recipe, init="imagenet"), data)
            with pytest.raises(WeightsError, match=f"not the weights of .*{file}"):
                begun(replace(recipe, init=other), data)
    with pytest.raises(WeightsError, match='init = "imagenet"'):
        begun(replace(CROPS, task=ImageSettings(), init=other), data)
    save_weights(tmp_path / "a.safetensors", {"a": torch.ones(1)}, {"network": "toy"})
    with pytest.raises(WeightsError, match="of toy, not of spn/compact or spn/paper"):
        Spn.load(tmp_path / "a.safetensors")
