"""What FEELVOS encodes of a frame: enough, no more, and the same whenever it is computed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from propago.components import load_method
from propago.methods.feelvos.crops import Crops, crop_around, extent_of
from propago.methods.feelvos.net import FeelvosConfig, FeelvosNet
from propago.methods.feelvos.rectangle import Rectangle
from propago.methods.feelvos.run import Feelvos, FeelvosSettings
from propago.pipeline import Session
from propago.types import Annotation, Frame
from tiny_clip import as_frames, tiny_clip

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)
SIZE = (192, 320)
WHOLE = Rectangle(0, 24, 0, 40)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return FeelvosNet(SMALL).eval()


def square(top, left, side=32):
    labels = np.zeros(SIZE, np.uint8)
    labels[top : top + side, left : left + side] = 1
    return labels


def frame(index):
    noise = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(index))
    return Frame(noise, index, f"{index:05d}")


def test_rectangles_in_other_positions():
    assert Rectangle(3, 9, 8, 13).coarser(4) == Rectangle(0, 3, 2, 4)
    assert Rectangle(0, 3, 2, 4).finer(4) == Rectangle(0, 12, 8, 16)


def test_crops_by_hand():
    masks = torch.from_numpy(square(80, 160))[None].float()
    objects = Rectangle(10, 14, 20, 24)
    assert extent_of(masks, 8) == objects
    assert crop_around(objects, 3, (24, 40)) == Rectangle(4, 20, 16, 28)
    assert crop_around(objects, 20, (24, 40)) is None  # all rows and columns: no crop
    assert extent_of(torch.cat([masks, masks * 0]), 8) is None  # one of them is lost


def test_a_chosen_crop_holds_while_it_shows_enough():
    near, far = Rectangle(2, 8, 2, 8), Rectangle(8, 20, 8, 20)
    crops = Crops(WHOLE, Rectangle(0, 12, 0, 12))
    assert crops.moved_on(near, far) == Crops(Rectangle(0, 12, 0, 12), far)
    assert crops.moved_on(Rectangle(9, 13, 9, 13), far) == Crops(far, far)
    assert Crops().moved_on(near, far) == Crops(None, far)


@pytest.mark.parametrize("region", [Rectangle(6, 12, 10, 18), Rectangle(4, 16, 8, 24)])
def test_what_is_prepared_of_a_crop_is_that_of_its_picture(net, region):
    crop = Rectangle(4, 16, 8, 24)
    with torch.no_grad():
        picture = torch.rand(1, 3, 96, 128)
        alone = net.encode_image(picture)
        seen = alone.as_crop(crop, (24, 40))
        expected = net.prepare(alone).inside(region.inside(crop))
        found = net.prepare_inside(seen, region)
    assert seen.embedding.shape[-2:] == seen.context.shape[-2:] == (24, 40)
    for ours, theirs in zip(found.features, expected.features, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_memory_of_a_crop_knows_nothing_beyond(net):
    crop, masks = Rectangle(4, 16, 8, 24), torch.from_numpy(square(80, 120))[None].float()
    with torch.no_grad():
        alone = net.encode_image(torch.rand(1, 3, 96, 128))
        seen = alone.as_crop(crop, (24, 40))
        past = net.encode_memory(seen.embedding[0], seen.context[0], masks, crop)
        small = net.encode_memory(alone.embedding[0], alone.context[0], crop.of(masks, 8))
    assert sum(past.sorted.counts) == crop.area
    assert past.sorted.counts == small.sorted.counts
    assert torch.equal(past.sorted.embedding, small.sorted.embedding)
    assert (past.owners >= 0).sum() == crop.area


class Followed:
    """A session whose predictions are put right, so that objects are where a test says."""

    def __init__(self, net, **settings):
        self.method = Feelvos(net, FeelvosSettings(size=192, looks=0, **settings))
        self.state = self.method.begin()
        self.crop = None

    def step(self, index, labels, annotated=False):
        masks, features = self.method.predict(self.state, frame(index))
        self.crop = features.whole.features.crop
        truth = Annotation(labels)
        masks = self.method.aggregate(masks.overridden_by(truth))
        self.state = self.method.update(self.state, features, masks, truth if annotated else None)


def test_the_surroundings_are_encoded_and_all_where_an_object_is_lost(net):
    run, crops = Followed(net, crop_margin=4), []
    places = [(80, 40), (80, 44), (80, 48), (80, 52), (80, 260)]
    for index, place in enumerate(places):
        run.step(index, square(*place), annotated=index == 0)
        crops.append(run.crop)
    assert crops[:2] == [None, None]
    assert all(crop and crop.covers(Rectangle(10, 14, 5, 10)) for crop in crops[2:])
    run.step(5, square(80, 260))  # it has jumped: what was chosen does not show it
    assert run.crop is not None
    assert run.crop.covers(Rectangle(10, 14, 32, 37))
    assert run.state.whole.anchors[0].crop is None


def test_masks_do_not_depend_on_what_was_encoded_ahead():
    method = load_method("feelvos", weights="synthetic", device="cpu", size=192)
    images, labels = tiny_clip(6, SIZE)

    def followed(ahead):
        session, states, made = Session(method), [method.begin()] * 2, []
        for picture in as_frames(images):
            if ahead:
                picture = replace(picture, encoded=method.encode(picture, states[-2]))
            result = session.step(picture, labels[0] if picture.index == 0 else None)
            made.append(result.masks.probabilities)
            states.append(result.checkpoint.state)
        return made, states

    (ours, states), (theirs, _) = followed(ahead=True), followed(ahead=False)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert any(state.crops.next for state in states)


def test_a_later_annotated_frame_is_remembered_as_a_whole(net):
    run = Followed(net, crop_margin=4)
    for index in range(4):
        run.step(index, square(80, 40), annotated=index in (0, 3))
    assert run.crop is not None
    assert [past.crop for past in run.state.whole.anchors] == [None, None]
