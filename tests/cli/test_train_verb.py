"""`propago train`: what it asks for reaches the job, and what makes no sense is said."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import propago
from propago.cli import main


def test_help_names_every_shipped_recipe(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--help"])
    assert stop.value.code == 0
    said = "".join(capsys.readouterr().out.split())
    recipes = Path(propago.__file__).parent / "training" / "recipes"
    for recipe in recipes.glob("*.toml"):
        assert recipe.stem in said
    assert "None" not in said


def test_the_arguments_reach_the_job(tmp_path, monkeypatch, capsys):
    asked = []

    def train(recipe, **options):
        asked.append((recipe, options))
        options["on_step"](2, 0.5, "training")
        options["progress"]({"step": 3, "loss": 0.25})
        options["on_step"](3, 1.0, "validating")
        return SimpleNamespace(weights="a.safetensors", card="a.md")

    monkeypatch.setattr("propago.jobs.train.train", train)
    assert main(["train", "spn-compact", "--data", str(tmp_path), "--steps", "3"]) == 0
    ((recipe, options),) = asked
    assert recipe == "spn-compact"
    assert (options["data"], options["steps"], options["minutes"]) == (tmp_path, 3, None)
    said = capsys.readouterr()
    assert said.out == "weights  a.safetensors\ncard     a.md\n"
    assert said.err == ("going on from step 2\nstep 3  loss 0.25\nvalidating after step 3\n")


@pytest.mark.parametrize(
    "argv", [["--steps", "0"], ["--steps", "-2"], ["--minutes", "0"], ["--workers", "-1"]]
)
def test_a_budget_of_nothing_is_refused(argv, capsys):
    assert main(["train", "spn-compact", *argv]) == 2
    assert f"{argv[0]} is {argv[1]}; it is " in capsys.readouterr().err


def test_what_training_needs_is_said_where_it_is_missing(monkeypatch, capsys):
    for name in ("propago.jobs.train", "propago.training.fit"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert main(["train", "spn-compact"]) == 2
    said = capsys.readouterr().err
    assert "training needs accelerate: pip install 'propago[train]'" in said
