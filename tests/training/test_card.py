"""What the card of trained weights says of their origin."""

import subprocess
from pathlib import Path

from propago.training.card import commit


def test_a_copy_in_a_repository_of_something_else_has_no_commit(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    installed = tmp_path / "venv" / "card.py"
    installed.parent.mkdir()
    installed.write_text("")
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run([*git, *words], check=True)
    assert commit(installed) == "unknown"
    for words in (["add", "venv"], ["commit", "-q", "-m", "ours"]):
        subprocess.run([*git, *words], check=True)
    assert len(commit(installed)) >= 7
    assert commit(Path("/nowhere/card.py")) == "unknown"
