"""What the page asks for and tells: one method a path."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from starlette.responses import FileResponse

from propago.errors import MaskError, UsageError
from propago.ops.object_size import longer_side_px
from propago.prompts import Prompter
from propago.report.colours import HUES
from propago.studio.carrying import Carrying
from propago.studio.events import Hub, Subscription
from propago.studio.export import EXPORTS, export
from propago.studio.fields import (
    ExportName,
    FrameIndex,
    IdentityFields,
    ObjectFields,
    ObjectId,
    PromptFields,
    RunFields,
)
from propago.studio.history import Said, StudioObject
from propago.studio.identities import say_who_is_who
from propago.studio.pictures import PictureCache
from propago.studio.project import Project
from propago.studio.prompting import Prompting
from propago.studio.tracks import TrackProject
from propago.studio.truth import label_answer
from propago.studio.watching import Watching


class Api:
    """The routes of one project."""

    def __init__(
        self,
        project: Project,
        pictures: PictureCache,
        watching: Watching,
        carrying: Carrying,
        prompter: Prompter,
        hub: Hub,
    ) -> None:
        """All parts are made by `create_app`."""
        self._project, self._pictures, self._carrying = project, pictures, carrying
        self._watching = watching
        self._prompting, self._hub = Prompting(prompter), hub

    def router(self) -> APIRouter:
        """Every path."""
        router = APIRouter(prefix="/api")
        for method, path, endpoint in (
            ("GET", "/project", self.project),
            ("PUT", "/objects", self.put_objects),
            ("DELETE", "/objects/{object_id}", self.delete_object),
            ("GET", "/pictures/{index}", self.picture),
            ("GET", "/masks/{index}", self.masks),
            ("PUT", "/annotations/{index}", self.put_annotation),
            ("POST", "/prompts/{index}", self.prompt),
            ("POST", "/identities/{index}", self.identify),
            ("POST", "/undo", self.undo),
            ("POST", "/redo", self.redo),
            ("POST", "/run", self.run),
            ("DELETE", "/run", self.cancel),
            ("POST", "/save", self.save),
            ("GET", "/review", self.review),
            ("POST", "/exports/{name}", self.make_export),
            ("GET", "/exports/{name}", self.export_file),
        ):
            router.add_api_route(path, endpoint, methods=[method])
        router.add_api_websocket_route("/events", self.events)
        return router

    def project(self) -> dict[str, Any]:
        """All that a page needs when it opens."""
        source = self._project.source
        return {
            "name": source.name,
            "height": source.size[0],
            "width": source.size[1],
            "fps": float(source.fps) if source.fps else None,
            "pictures": self._pictures_said(),
            "objects": self._objects_said(),
            "classes": self._project.classes,
            "tracks": isinstance(self._project, TrackProject),
            "hues": HUES,
            "annotations": {t: list(a.ids) for t, a in self._project.annotations.items()},
            "figures": self._project.figures,
            "swaps": self._watching.message()["swaps"],
            "steps": self._project.steps,
            "run": asdict(self._carrying.state),
            "out": str(self._project.output.root),
            "exports": {name: made.title for name, made in EXPORTS.items()},
            "notes": list(source.notes),
        }

    def put_objects(self, objects: dict[ObjectId, ObjectFields]) -> None:
        """Keep names, colours, ends and classes."""
        told = {i: StudioObject(**said.model_dump()) for i, said in objects.items()}
        with self._step():
            self._project.rename(told)

    def delete_object(self, object_id: ObjectId) -> None:
        """Take an object back."""
        with self._step():
            self._project.forget_object(object_id)

    def undo(self) -> dict[str, int | None]:
        """Take the last step back; the frame of which masks were drawn in it, if of one alone."""
        return {"index": self._told(self._project.undo)}

    def redo(self) -> dict[str, int | None]:
        """Do it again; as `undo`."""
        return {"index": self._told(self._project.redo)}

    def picture(self, index: FrameIndex) -> Response:
        """A frame as JPEG, at its own size."""
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Response(self._pictures.jpeg(index), media_type="image/jpeg", headers=headers)

    def masks(self, index: FrameIndex) -> Response:
        """The label map of a frame, (H, W) bytes; `x-drawn` has the ids a person drew."""
        self._require_frame(index)
        drawn = self._project.annotations.get(index)
        return label_answer(self._project.shown(index), drawn.ids if drawn else ())

    async def put_annotation(self, index: FrameIndex, request: Request) -> None:
        """Keep a person's masks of a frame: (H, W) bytes, 0 where nothing is said."""
        body = await request.body()
        await asyncio.to_thread(self._keep_annotation, index, body)

    def prompt(self, index: FrameIndex, fields: PromptFields) -> Response:
        """A mask for an object from a box and clicks, which is kept at once; as `masks`."""
        self._require_frame(index)
        shown = self._project.shown(index)

        def drawn() -> np.ndarray:
            said = self._project.annotations.get(index)
            return np.zeros_like(shown) if said is None else said.labels

        known_px = longer_side_px(self._project.annotations, fields.object, index)
        rgb = self._pictures.rgb(index)
        labels = self._prompting.drawn(index, rgb, shown, drawn, fields, known_px)
        with self._step():
            ids = self._project.annotate(index, labels)
        return label_answer(self._project.shown(index), ids)

    def identify(self, index: FrameIndex, fields: IdentityFields) -> None:
        """Two objects change places or are the same; or one becomes another."""
        self._require_frame(index)
        with self._step():
            say_who_is_who(self._project, index, fields.what, fields.object, fields.other)

    def run(self, fields: RunFields) -> None:
        """Carry the masks, from the first change on."""
        if isinstance(self._project, TrackProject):
            raise UsageError("tracks are corrected and saved here, not carried on")
        self._carrying.start(overwrite=fields.overwrite, both_ways=fields.both_ways)

    def cancel(self) -> None:
        """Stop the run; it can be gone on with."""
        self._carrying.cancel()

    def save(self) -> dict[str, str]:
        """Write corrected tracks."""
        if not isinstance(self._project, TrackProject):
            raise UsageError("there are no tracks to save; what is drawn is kept at once")
        return {"path": str(self._project.save())}

    def review(self) -> list[dict[str, Any]]:
        """The frames most worth a look, with the reason."""
        return [asdict(look) for look in self._watching.worth_a_look()]

    def make_export(self, name: ExportName) -> dict[str, str]:
        """Write an export into the folder."""
        return {"path": str(export(name, self._project))}

    def export_file(self, name: ExportName) -> FileResponse:
        """An export that has been written."""
        if name not in EXPORTS or not (path := EXPORTS[name].path(self._project)).is_file():
            raise UsageError(f"there is no export {name!r}; there are {', '.join(EXPORTS)}")
        return FileResponse(path, filename=f"{self._project.source.name}-{path.name}")

    async def events(self, socket: WebSocket) -> None:
        """Everything that happens, as it happens."""
        subscription = self._hub.subscribe()  # before the page reads how things stand
        await socket.accept()
        sending = asyncio.create_task(_send_all(socket, subscription))
        listening = asyncio.create_task(_until_closed(socket))
        try:
            await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            listening.cancel()
            self._hub.leave(subscription)

    def tell_pictures(self) -> None:
        """More pictures are there."""
        self._hub.publish({"type": "pictures", **self._pictures_said()})
        if self._pictures.whole:
            self._hub.publish(self._watching.message())

    @contextmanager
    def _step(self) -> Iterator[None]:
        """What is changed in it is one step for `undo`, and every page is told."""
        before = self._project.said
        try:
            with self._project.step():
                yield
        finally:
            self._tell_since(before)

    def _told(self, move: Callable[[], None]) -> int | None:
        before = self._project.said
        move()
        frames = self._tell_since(before)
        return frames[0] if len(frames) == 1 else None

    def _tell_since(self, before: Said) -> list[int]:
        """Tell every page what is said otherwise now; the frames with other masks."""
        project, now = self._project, self._project.said
        frames = now.frames_unlike(before)
        for t in frames:
            ids = now.annotations[t].ids if t in now.annotations else ()
            self._hub.publish({"type": "annotation", "index": t, "ids": list(ids)})
        if now.objects != before.objects or now.lines is not before.lines:
            said = {"objects": self._objects_said(), "classes": project.classes}
            self._hub.publish({"type": "objects", **said})
        if now.lines is not before.lines:
            self._hub.publish({"type": "tracks", "figures": project.figures})
            self._hub.publish(self._watching.message())
        self._hub.publish({"type": "steps", "steps": project.steps})
        return frames

    def _keep_annotation(self, index: int, body: bytes) -> None:
        self._require_frame(index)
        height, width = self._project.source.size
        if len(body) != height * width:
            raise MaskError(f"a mask is {height * width} bytes; {len(body)} came")
        labels = np.frombuffer(body, np.uint8).reshape(height, width)
        with self._step():
            self._project.annotate(index, labels)

    def _require_frame(self, index: int) -> None:
        """Refuse an index that no decoded frame has."""
        if index >= self._pictures.ready:
            raise UsageError(f"there is no frame {index} yet; there are {self._pictures.ready}")

    def _pictures_said(self) -> dict[str, Any]:
        pictures, count = self._pictures, self._project.source.frame_count
        total = pictures.ready if pictures.whole else count
        return {"ready": pictures.ready, "total": total, "damage": pictures.damage}

    def _objects_said(self) -> dict[int, dict[str, Any]]:
        return {i: asdict(said) for i, said in self._project.objects.items()}


async def _send_all(socket: WebSocket, subscription: Subscription) -> None:
    while (message := await subscription.next()) is not None:
        await socket.send_json(message)
    await socket.close(1013)


async def _until_closed(socket: WebSocket) -> None:
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        return
