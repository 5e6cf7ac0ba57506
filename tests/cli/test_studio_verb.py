"""`propago studio` as a process: it says where it is, serves, and ends by Ctrl-C."""

import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from propago import cli
from studio_client import write_frames


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_it_serves_at_the_address_it_prints_and_ends_by_ctrl_c(tmp_path):
    write_frames(tmp_path / "frames", 2)
    command = [sys.executable, "-m", "propago", "studio", "frames", "--out", "out", "--no-open"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as studio:
        address = studio.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:")
        assert len(address.split("/")[3]) >= 32
        assert studio.stdout.readline().split() == ["folder", "out"]
        assert b"propago studio" in urlopen(address).read()
        with pytest.raises(HTTPError, match="403"):
            urlopen(address[:-6] + "/")
        studio.send_signal(signal.SIGINT)
        _, said = studio.communicate(timeout=30)
    assert studio.returncode == 0, said
    assert "Traceback" not in said


def test_a_source_that_is_none_is_said_before_anything_is_served(tmp_path, capsys):
    assert cli.main(["studio", str(tmp_path / "none.mp4"), "--no-open"]) == 2
    assert "none.mp4 does not exist" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(tmp_path, capsys):
    write_frames(tmp_path / "frames", 2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = ["studio", str(tmp_path / "frames"), "--out", str(tmp_path / "out")]
        assert cli.main([*command, "--port", port, "--no-open"]) == 2
    assert f"--host 127.0.0.1 with --port {port} cannot be had" in capsys.readouterr().err


def test_what_is_set_reaches_the_studio(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "propago.jobs.studio.serve_studio", lambda *_, options, **__: asked.append(options)
    )
    arguments = ["studio", "frames", "--fps", "25", "--contrast", "100,4000", "--channel", "2"]
    assert cli.main([*arguments, "--finetune", "5steps"]) == 0
    (options,) = asked
    assert options.finetune == "5steps"
    assert (options.fps, options.contrast, options.channel) == (25, (100, 4000), 2)
