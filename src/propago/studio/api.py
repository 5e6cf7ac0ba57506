"""What the page asks for and tells: one method a path."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from starlette.responses import FileResponse

from propago.errors import MaskError, UsageError
from propago.prompts import Prompt, Prompter
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
from propago.studio.identities import say_who_is_who
from propago.studio.pictures import PictureCache
from propago.studio.project import Project, StudioObject
from propago.studio.review import worth_a_look
from propago.studio.tracks import TrackProject
from propago.studio.truth import label_answer


@dataclass(frozen=True)
class Answer:
    """The mask that an object was given by clicks, and what it was before the first of them."""

    index: int
    before: np.ndarray
    mask: np.ndarray


class Api:
    """The routes of one project."""

    def __init__(
        self,
        project: Project,
        pictures: PictureCache,
        carrying: Carrying,
        prompter: Prompter,
        hub: Hub,
    ) -> None:
        """All parts are made by `create_app`."""
        self._project, self._pictures, self._carrying = project, pictures, carrying
        self._prompter, self._hub = prompter, hub
        self._answered: dict[int, Answer] = {}

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
            "run": asdict(self._carrying.state),
            "out": str(self._project.output.root),
            "exports": {name: made.title for name, made in EXPORTS.items()},
            "notes": list(source.notes),
        }

    def put_objects(self, objects: dict[ObjectId, ObjectFields]) -> None:
        """Keep names, colours and ends."""
        self._project.rename({i: StudioObject(**said.model_dump()) for i, said in objects.items()})
        self.tell_objects()

    def delete_object(self, object_id: ObjectId) -> None:
        """Take an object back."""
        self._project.forget_object(object_id)
        self.tell_objects()
        self._tell_tracks()
        for index, annotation in self._project.annotations.items():
            self._tell_annotation(index, annotation.ids)

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
        before = self._before_clicks(index, fields, shown == fields.object)
        prompt = self._read_prompt(fields, before)
        mask = self._prompter(self._pictures.rgb(index), prompt)
        if mask is None:
            raise UsageError("nothing is found there: draw a box around it, or use the brush")
        drawn = self._project.annotations.get(index)
        labels = np.zeros_like(shown) if drawn is None else drawn.labels.copy()
        labels[labels == fields.object] = 0
        labels[mask] = fields.object
        self._answered[fields.object] = Answer(index, before, mask)
        ids = self._project.annotate(index, labels)
        self._tell_annotation(index, ids)
        self.tell_objects()
        return label_answer(self._project.shown(index), ids)

    def identify(self, index: FrameIndex, fields: IdentityFields) -> None:
        """Two objects change places or are the same; or one becomes another."""
        self._require_frame(index)
        changed = say_who_is_who(self._project, index, fields.what, fields.object, fields.other)
        self.tell_objects()
        self._tell_tracks()
        for t in changed:
            said = self._project.annotations.get(t)
            self._tell_annotation(t, said.ids if said else ())

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
        found = worth_a_look(self._project.figures, self._project.annotations)
        return [asdict(look) for look in found]

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

    def tell_objects(self) -> None:
        """Objects are new or other ones."""
        said = {"objects": self._objects_said(), "classes": self._project.classes}
        self._hub.publish({"type": "objects", **said})

    def _tell_tracks(self) -> None:
        if isinstance(self._project, TrackProject):
            self._hub.publish({"type": "tracks", "figures": self._project.figures})

    def _tell_annotation(self, index: int, ids: tuple[int, ...]) -> None:
        self._hub.publish({"type": "annotation", "index": index, "ids": list(ids)})

    def _keep_annotation(self, index: int, body: bytes) -> None:
        self._require_frame(index)
        height, width = self._project.source.size
        if len(body) != height * width:
            raise MaskError(f"a mask is {height * width} bytes; {len(body)} came")
        labels = np.frombuffer(body, np.uint8).reshape(height, width)
        known = self._project.objects
        ids = self._project.annotate(index, labels)
        self._tell_annotation(index, ids)
        if known != self._project.objects:
            self.tell_objects()

    def _before_clicks(self, index: int, fields: PromptFields, now: np.ndarray) -> np.ndarray:
        """(H, W) bool: the mask that all these clicks correct, unless it was drawn on since."""
        last = self._answered.get(fields.object)
        if last is None or last.index != index or len(fields.clicks) < 2:
            return now
        return last.before if np.array_equal(last.mask, now) else now

    def _read_prompt(self, fields: PromptFields, present: np.ndarray) -> Prompt:
        height, width = present.shape
        box = None
        if fields.box:
            x0, y0, x1, y1 = fields.box
            box = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
            if not (box[2] - box[0] >= 2 and box[3] - box[1] >= 2):
                raise UsageError(f"a box has at least 2x2 pixels of the frame; this is {box}")
        for x, y, _ in fields.clicks:
            if not (0 <= x < width and 0 <= y < height):
                raise UsageError(f"a click lies in the frame of {width}x{height}; this is {x}, {y}")
        if not fields.box and not fields.clicks:
            raise UsageError("a prompt is a box or clicks; neither came")
        positive = tuple((x, y) for x, y, on in fields.clicks if on)
        negative = tuple((x, y) for x, y, on in fields.clicks if not on)
        return Prompt(box, positive, negative, present if present.any() else None)

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
