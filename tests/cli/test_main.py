import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from propago import cli
from propago.errors import OutputError, PropagoWarning, UsageError
from propago.io.masks import write_mask


def verb_that(monkeypatch, action):
    """Let `propago frame` do something else."""
    monkeypatch.setattr(cli, "import_module", lambda _: SimpleNamespace(run=action))
    return cli.main(["frame", "clip.mp4"])


def raising(error):
    def action(_):
        raise error

    return action


def test_every_verb_has_a_module():
    for module, summary in cli.VERBS.values():
        assert find_spec(module), module
        assert summary


def test_help_and_import_load_nothing_heavy():
    code = (
        "import sys, propago; from propago.cli import main; main(['--help']);"
        "print(*sorted({'torch', 'numpy', 'tyro', 'rich', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
    for verb in cli.VERBS:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_is_a_result(capsys, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["propago", *arguments])
    assert cli.main() == 0
    assert "propago VERB --help" in capsys.readouterr().out


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_help_of_a_verb_has_an_example_and_names_its_arguments(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, "--help"])
    said = capsys.readouterr().out
    assert not stop.value.code
    assert f"\nExamples:\n    propago {verb}" in said
    for noise in ("unset", "(default: )", "(default: None)", "(default: False)", " STR"):
        assert noise not in said


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_wrong_argument_has_exit_code_2(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, "--no-such-option"])
    assert stop.value.code == 2
    assert capsys.readouterr().out == ""


def test_the_models_fit_on_a_screen_and_name_the_options_that_take_them(capsys):
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    options = ("--method", "--method of propago track", "--associator", "--refine", "--weights")
    for option in options:
        assert option in lines
    assert any("feelvos-synthetic" in line and "Apache-2.0" in line for line in lines)


def test_completion_offers_every_verb(capsys):
    assert cli.main(["--completion"]) == 0
    words = capsys.readouterr().out.split("'")[1].split()
    assert words == list(cli.VERBS)


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("propago 0.")


def test_an_unknown_verb_is_corrected(capsys):
    assert cli.main(["segmnt"]) == 2
    said = capsys.readouterr()
    assert "did you mean segment?" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no such box"), 2, "propago: no such box\n"),
        (OutputError("disk full"), 1, "propago: disk full\n"),
        (KeyboardInterrupt(), 130, "propago: interrupted\n"),
        (KeyboardInterrupt("5 frames are kept"), 130, "propago: 5 frames are kept\n"),
    ],
)
def test_errors_are_messages_and_exit_codes(monkeypatch, capsys, error, code, message):
    assert verb_that(monkeypatch, raising(error)) == code
    assert capsys.readouterr().err == message


def test_an_unexpected_error_says_how_to_see_more(monkeypatch, capsys):
    monkeypatch.delenv("PROPAGO_DEBUG", raising=False)
    assert verb_that(monkeypatch, raising(ZeroDivisionError("oh"))) == 1
    said = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: oh; set PROPAGO_DEBUG=1" in said
    assert "Traceback" not in said
    monkeypatch.setenv("PROPAGO_DEBUG", "1")
    assert verb_that(monkeypatch, raising(ZeroDivisionError("oh"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_our_warnings_are_notes_and_others_say_where_they_come_from(monkeypatch, capsys):
    def action(_):
        warnings.warn("the disk is full", PropagoWarning, stacklevel=1)
        warnings.warn("old thing", UserWarning, stacklevel=1)
        return 0

    before = warnings.showwarning
    assert verb_that(monkeypatch, action) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "note: the disk is full"
    assert "test_main.py" in said[1]
    assert "old thing" in said[1]
    assert warnings.showwarning is before


def test_the_verb_gets_the_other_arguments(monkeypatch):
    got = []
    assert verb_that(monkeypatch, lambda argv: got.append(argv) or 0) == 0
    assert got == [["clip.mp4"]]


@pytest.mark.parametrize(
    ("loads", "crowded"),
    [
        ("1.02 0.40 0.30 3/200 1234", True),
        ("0.10 0.40 0.30 3/200 1234", False),
        ("1.90 0.40 0.30 1/200 1234", False),
    ],
)
def test_threads_wait_asleep_only_beside_other_work(tmp_path, loads, crowded):
    (tmp_path / "loadavg").write_text(loads)
    assert cli._is_crowded(tmp_path / "loadavg") == crowded
    assert not cli._is_crowded(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("segment nothing.mp4 --masks m.png", "nothing.mp4 does not exist"),
        ("segment frames --masks nothing.png", "nothing.png does not exist"),
        ("segment frames --masks m.png --method nothing", "--method nothing: there are"),
        ("segment frames --masks m.png --weights nothing", "--weights nothing: no such file"),
        ("segment frames --masks m.png --preset nothing", "--preset nothing: there are"),
        ("segment frames --masks m.png --device nothing", "--device nothing: this machine has"),
        ("segment frames --masks m.png --size 3", "--size 3: the working size"),
        ("segment frames --masks m.png --start 3 --end 2", "--start 3, --end 2, --every 1 choose"),
        ("segment frames --masks m.png --jobs 2", "--jobs is for many videos"),
        ("segment frames --masks m.png --finetune long", "a budget of 'long'"),
        ("segment frames --box 1=2", "--box '1=2' is not understood"),
        ("frame frames 9", "no frame 9"),
        ("mask frames 0", "--box are missing"),
        ("eval nothing --gt frames", "nothing does not exist"),
        ("segment nothing --set val", "nothing does not exist"),
        ("reproduce zoo --data nothing", "nothing does not exist"),
        ("reproduce mask-rcnn --data nothing", "nothing does not exist"),
        ("clean nothing", "nothing is not a folder"),
        ("clean frames --threads 0", "--threads is 0; it is at least 1"),
        ("refine frames nothing", "nothing does not exist"),
        ("doctor nothing", "nothing is no folder"),
        ("train nothing", "recipe nothing: no such file"),
    ],
)
def test_a_wrong_argument_is_exit_code_2(command, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("frames").mkdir()
    for t in range(2):
        write_mask(f"frames/{t:05}.png", np.eye(64, dtype=np.uint8))
    write_mask("m.png", np.eye(64, dtype=np.uint8))
    assert cli.main(command.split()) == 2
    assert said in capsys.readouterr().err


def test_a_failure_is_exit_code_1(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("broken.mp4").write_bytes(b"no video")
    assert cli.main(["frame", "broken.mp4"]) == 1
    assert "no readable video" in capsys.readouterr().err
