"""The studio served at an address, until it is interrupted."""

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from propago.errors import UsageError
from propago.io.mask_sequence import MaskSequence
from propago.prompts import Prompter
from propago.studio.carrying import Follow
from propago.studio.project import Project

_EXTRA = ("fastapi", "uvicorn", "websockets")


@dataclass(frozen=True)
class StudioAddress:
    """Where a studio is to be found.

    Attributes:
        url: with the token; whoever has it may draw.
        out: the folder of its masks and results.
    """

    url: str
    out: Path


def refuse_without_server() -> None:
    """Refuse where the packages of the extra `studio` are not installed.

    Raises:
        UsageError: they are not.
    """
    if missing := [name for name in _EXTRA if find_spec(name) is None]:
        raise UsageError(f"the studio needs {', '.join(missing)}: pip install 'propago[studio]'")


def serve(
    project: Project,
    follow: Follow,
    prompter: Prompter,
    truth: MaskSequence | None,
    *,
    host: str,
    port: int,
    ready: Callable[[StudioAddress], None],
) -> None:
    """Serve the page of a project to whoever knows the address, which has a new token.

    Args:
        project: what is worked on.
        follow: carries masks through the video.
        prompter: answers clicks and boxes.
        truth: the true masks of some frames, where there are any.
        host: the address to listen at.
        port: 0 takes a free one.
        ready: called with the address once it listens.

    Raises:
        MaskError: the truth is of another video.
        UsageError: the address cannot be had.
    """
    import uvicorn

    from propago.studio.app import LOOPBACK, create_app

    token = secrets.token_urlsafe(24)
    hosts = LOOPBACK if host in LOOPBACK else frozenset("*")
    app = create_app(project, follow, prompter, token, hosts, truth)
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listening.getsockname()[1]}/{token}/"
    ready(StudioAddress(url, project.output.root))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise UsageError(
            f"`host` {host} with `port` {port} cannot be had: {error.strerror or error}; "
            "port 0 takes a free one"
        ) from error
