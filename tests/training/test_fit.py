import json
from dataclasses import replace

import pytest
import torch

from propago.data.synthetic import SyntheticClips
from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.methods.feelvos.net import FeelvosConfig, FeelvosNet
from propago.methods.feelvos.objective import FeelvosObjective
from propago.training.batches import ClipExamples
from propago.training.fit import _warmed_up_average, fit, learning_rate
from propago.training.recipe import Recipe, read_recipe

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)
TINY = """
steps = 4
save_every_s = 0
seed = 3
[clips]
height = 32
width = 32
frames = 2
batch = 2
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    return read_recipe(tmp_path / "tiny.toml")


def train(recipe, folder, steps):
    torch.manual_seed(recipe.seed)
    clips = ClipExamples(SyntheticClips(size=(32, 32), frames=2, max_objects=2))
    objective = FeelvosObjective(FeelvosNet(SMALL))
    return fit(objective, clips, recipe, folder, Budget(steps=steps), workers=0).net


def test_a_resumed_run_ends_where_an_unbroken_one_does(recipe, tmp_path):
    whole = train(recipe, tmp_path / "whole", 4)
    torch.manual_seed(recipe.seed)
    broken = _Breaking(FeelvosNet(SMALL), at=2)
    clips = ClipExamples(SyntheticClips(size=(32, 32), frames=2, max_objects=2))
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        fit(broken, clips, recipe, folder, Budget(steps=4), workers=0)
    resumed = train(recipe, folder, 4)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 4


class _Breaking(FeelvosObjective):
    """Stops like a user's Ctrl-C at the start of a step."""

    def __init__(self, net, at):
        super().__init__(net)
        self.left = at

    def forward(self, batch, seed):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().forward(batch, seed)


def test_learning_rate_warms_up_and_ends_at_zero():
    recipe = Recipe(name="x")
    top = recipe.optimisation.learning_rate
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(top / 100)
    at_once = replace(recipe, optimisation=replace(recipe.optimisation, warmup_steps=0))
    assert learning_rate(at_once, 0, 0.0) == top
    assert learning_rate(recipe, 5000, 0.5) == pytest.approx(top / 2)
    assert learning_rate(recipe, 5000, 1.0) == pytest.approx(0, abs=1e-12)


def test_the_average_soon_forgets_the_untrained_weights():
    average = _warmed_up_average(0.998)
    mean = torch.tensor(1.0)
    for count in range(1, 101):
        mean = average(mean, torch.tensor(0.0), torch.tensor(count))
    assert mean < 0.001


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stesp = 3", "did you mean 'steps'"),
        ("[optimisation]\nlearing_rate = 1.0", "optimisation.learning_rate"),
        ("steps = 'many'", "is a int"),
        ("steps = ", "not valid TOML"),
        ("clips = 3", r"'clips' is a table \[clips\], not 3"),
        ("[clips.height]\nx = 1", "'clips.height' is a int"),
        ("save_every_s = true", "is a float, not True"),
        ("steps = 0", "wrong.toml: steps = 0: it is a number at least 1"),
        ("seed = -1", "seed = -1: it is a number at least 0"),
        ("save_every_s = nan", "save_every_s = nan"),
        ("[optimisation]\nlearning_rate = 0", r"optimisation\.learning_rate = 0\.0: .* above 0"),
        ("[optimisation]\nwarmup_steps = -1", "optimisation.warmup_steps = -1"),
        ("[optimisation]\nema_decay = 1", "at least 0 and below 1"),
        ("[optimisation]\npretrained_share = 2", "at least 0 and at most 1"),
        ("[clips]\nwidth = 31", "clips.width = 31"),
        ("[clips]\nmax_objects = 255", "clips.max_objects = 255"),
        ("[data]\ncoco = -0.5", r"data\.coco = -0\.5"),
        ("[validation]\nframes = 2", "validation.frames = 2: it is a number at least 3"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(text, says, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_recipe(path)


def test_shipped_recipes_read_and_an_unknown_one_lists_them():
    assert read_recipe("feelvos-compact").init == "feelvos-synthetic"
    with pytest.raises(UsageError, match="feelvos-synthetic"):
        read_recipe("feelvos-large")
