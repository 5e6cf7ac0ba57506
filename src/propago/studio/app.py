"""The studio's server: the page, its API, the guard before both."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from propago.errors import PropagoError, UsageError
from propago.io.mask_sequence import MaskSequence
from propago.prompts import Prompter
from propago.studio.access import Guard
from propago.studio.api import Api
from propago.studio.carrying import Carrying, Follow
from propago.studio.events import Hub
from propago.studio.pictures import PictureCache
from propago.studio.project import Project
from propago.studio.truth import Truth
from propago.studio.watching import Watching

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
"""Names in `Host` of a server that only this machine reaches."""

_SPARE_BYTES = 1 << 16


def create_app(
    project: Project,
    follow: Follow,
    prompter: Prompter,
    token: str,
    hosts: frozenset[str] = LOOPBACK,
    truth: MaskSequence | None = None,
) -> ASGIApp:
    """The studio of a project as an ASGI application; every path begins with the token.

    Args:
        project: what is worked on.
        follow: carries masks through the video.
        prompter: answers clicks and boxes.
        token: that whoever talks to it must know.
        hosts: names of the server that may stand in `Host`; "*" allows any.
        truth: the true masks of some frames, where there are any.

    Raises:
        MaskError: the truth is of another video.
    """
    hub = Hub()
    pictures = PictureCache(project.source)
    watching = Watching(project, pictures)
    carrying = Carrying(project, follow, watching, hub.publish)
    api = Api(project, pictures, watching, carrying, prompter, hub)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pictures.begin(api.tell_pictures, watching.see)
        yield
        carrying.close()
        pictures.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(api.router())
    app.include_router(Truth(project, truth).router())
    app.add_exception_handler(PropagoError, _told)
    for name, (data, kind) in _page_files().items():
        app.add_api_route(f"/{name}", _sender(data, kind), methods=["GET"])
    height, width = project.source.size
    return Guard(app, token, hosts, height * width + _SPARE_BYTES)


def _page_files() -> dict[str, tuple[bytes, str]]:
    """Contents and types of the page's files by their path; index.html has the empty one."""
    found = {}
    for file in files("propago.studio").joinpath("page").iterdir():
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        kind = "text/javascript" if file.name.endswith(".js") else kind
        found["" if file.name == "index.html" else file.name] = (file.read_bytes(), kind)
    return found


def _sender(data: bytes, kind: str):
    async def send() -> Response:
        return Response(data, media_type=kind, headers={"cache-control": "no-cache"})

    return send


async def _told(_: Request, error: Exception) -> JSONResponse:
    status = 409 if isinstance(error, UsageError) else 400
    return JSONResponse({"message": str(error)}, status)
