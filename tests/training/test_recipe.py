"""Recipes and their optimisation: what is read, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from propago.data.task import ClipSettings
from propago.errors import UsageError
from propago.training.optimisation import Optimisation
from propago.training.recipe import RECIPES, Recipe, read_recipe, task_of

ONE = Optimisation(learning_rate=1.0, warmup_steps=0)


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"schedule": "cosine"}, [1, 0.5, 0]),
        ({"schedule": "poly", "power": 2.0}, [1, 0.25, 0]),
        ({"schedule": "step", "milestones": (0.5, 0.8)}, [1, 0.1, 0.01]),
        ({"schedule": "step", "milestones": ()}, [1, 1, 1]),
    ],
)
def test_a_schedule_goes_over_the_budget(settings, rates):
    chosen = replace(ONE, **settings)
    assert [chosen.rate(9, spent) for spent in (0, 0.5, 1)] == pytest.approx(rates)


def test_the_learning_rate_warms_up():
    chosen = replace(ONE, warmup_steps=100)
    assert chosen.rate(0, 0.0) == pytest.approx(0.01)
    assert chosen.rate(49, 0.0) == pytest.approx(0.5)
    assert ONE.rate(0, 0.0) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stesp = 3", "did you mean 'steps'"),
        ("[optimisation]\nlearing_rate = 1.0", "optimisation.learning_rate"),
        ("steps = 'many'", "is a int"),
        ("steps = ", "not valid TOML"),
        ("task = 3", r"'task' is a table \[task\], not 3"),
        ("data = 3", r"'data' is a table \[data\], not 3"),
        ("[task.height]\nx = 1", "'task.height' is a int"),
        ("save_every_s = true", "is a float, not True"),
        ("steps = 0", "wrong.toml: steps = 0: it is a number at least 1"),
        ("seed = -1", "seed = -1: it is a number at least 0"),
        ("taken = 0", "taken = 0.0: it is a number above 0 and at most 1"),
        ("taken_from = 'feelvos-further'", "nothing is taken of it, since taken = 1"),
        ("save_every_s = nan", "save_every_s = nan"),
        ("[optimisation]\nlearning_rate = 0", r"optimisation\.learning_rate = 0\.0: .* above 0"),
        ("[optimisation]\nwarmup_steps = -1", "optimisation.warmup_steps = -1"),
        ("[optimisation]\nema_decay = 1", "at least 0 and below 1"),
        ("[optimisation]\noptimiser = 'adam'", "optimiser = 'adam': there are adamw, sgd"),
        ("[optimisation]\nschedule = 'linear'", "there are cosine, poly, step"),
        ("[optimisation]\nmilestones = [0.9, 0.2]", "they rise from above 0 to below 1"),
        ("[task]\nencoder_lr_scale = 2", "at least 0 and at most 1"),
        ("[task]\nwidth = 31", "task.width = 31"),
        ("[task]\nmax_objects = 255", "task.max_objects = 255"),
        ("method = 'seg_with_spn'\n[task]\nframes = 3", "unknown setting 'task.frames'"),
        (
            "method = 'optical_flow'",
            "cannot be trained; there are feelvos, .*, spn, masktrack_rcnn, mask_rcnn, bridging",
        ),
        ("[data]\ncoco = -0.5", r"data\.coco = -0\.5"),
        ("[validation]\nframes = 2", "validation.frames = 2: it is a number at least 3"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(text, says, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_recipe(path)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_read(path):
    recipe = read_recipe(path.stem)
    assert recipe.name == path.stem
    assert json.dumps(recipe.record())
    assert task_of(recipe.method)


@pytest.mark.parametrize("page", ["docs/training.md", "src/propago/methods/seg_with_spn/README.md"])
def test_recipes_in_the_docs_read(page, tmp_path):
    text = (Path(__file__).parents[2] / page).read_text("utf-8")
    (tmp_path / "told.toml").write_text(text.split("```toml")[1].split("```")[0])
    assert read_recipe(tmp_path / "told.toml").data["davis"]


def test_an_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(UsageError, match=r"feelvos-further, feelvos-long, .*, feelvos-wide"):
        read_recipe("feelvos-large")


def test_settings_are_overlaid_on_those_of_the_task(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[task]\nheight = 64\n[optimisation]\nmilestones = [0.5]")
    recipe = read_recipe(path)
    assert recipe.task == ClipSettings(height=64)
    assert recipe.optimisation.milestones == (0.5,)


def test_a_recipe_made_in_python_names_its_task():
    assert Recipe("x", method=task_of("spn")).record()["method"] == (
        "propago.refinement.spn.train:task"
    )
