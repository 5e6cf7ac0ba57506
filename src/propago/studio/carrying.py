"""The masks carried through the video in the background, one run at a time."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Literal

from propago.errors import PropagoError, UsageError
from propago.ops.image import image_to_rgb
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import Result, Writer
from propago.studio.project import Project
from propago.studio.watching import Watching
from propago.types import Annotation

_TOLD_EVERY_S = 0.2


class OtherResultsError(UsageError):
    """The results in the folder were made of something else, and would have to go."""


@dataclass(frozen=True)
class Order:
    """What a run is to do.

    Attributes:
        given: a person's masks by frame.
        ends: (id, first frame without it).
        overwrite: begin anew where the results in the folder were made of something else.
        both_ways: follow objects backwards, too, from each frame that they are drawn on.
    """

    given: dict[int, Annotation]
    ends: Sequence[tuple[int, int]] = ()
    overwrite: bool = False
    both_ways: bool = False


Follow = Callable[[Order, Writer, Progress], Sequence[str]]
"""Carries masks through the source into the project's folder, also telling the writer; it goes on
with what is there, and raises `OtherResultsError` where it cannot. Returns notes for a person."""


@dataclass(frozen=True)
class CarryState:
    """How it stands.

    Attributes:
        state: refused: the results in the folder would have to go; they are kept.
        done: frames.
        total: frames in all, where that is known.
        what: is being done.
        message: of a failure.
        notes: of a run that is done.
        both_ways: whether it follows objects backwards, too; at first, whether the one in the
            folder did.
    """

    state: Literal["idle", "running", "done", "cancelled", "failed", "refused"] = "idle"
    done: int = 0
    total: int | None = None
    what: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()
    both_ways: bool = False


class Carrying:
    """Starts and cancels runs; everything that happens is published."""

    def __init__(
        self,
        project: Project,
        follow: Follow,
        watching: Watching,
        publish: Callable[[dict[str, Any]], None],
    ) -> None:
        """Nothing runs yet."""
        self._project, self._follow, self._publish = project, follow, publish
        self._watching = watching
        self._state, self._told_s = CarryState(both_ways=project.went_both_ways()), 0.0
        self._cancelled, self._lock = Event(), Lock()
        self._thread: Thread | None = None

    @property
    def state(self) -> CarryState:
        """How it stands."""
        return self._state

    def start(self, *, overwrite: bool = False, both_ways: bool = False) -> None:
        """Carry all masks drawn so far through the video, from the first change on.

        Raises:
            UsageError: nothing is drawn, or a run is going on.
        """
        given = self._project.annotations
        if not given:
            raise UsageError("no object is drawn; draw one on any frame")
        order = Order(given, self._project.ends, overwrite, both_ways)
        with self._lock:
            if self._state.state == "running":
                raise UsageError("a run is going on; cancel it first")
            self._cancelled.clear()
            total = self._project.source.frame_count
            self._tell(CarryState("running", total=total, both_ways=both_ways))
        self._thread = Thread(target=self._run, args=(order,), name="propago-carry", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop after the frame at hand; what is done is kept, and gone on with."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop, and wait for it."""
        self.cancel()
        if self._thread:
            self._thread.join()

    def _run(self, order: Order) -> None:
        writer = _Announcer(self._project, self._watching, self._publish)
        try:
            notes = self._follow(order, writer, self._progress)
        except KeyboardInterrupt:
            ended = replace(self._state, state="cancelled")
        except OtherResultsError as error:
            ended = replace(self._state, state="refused", message=str(error))
        except PropagoError as error:
            ended = replace(self._state, state="failed", message=str(error))
        except Exception as error:
            message = f"unexpected {type(error).__name__}: {error}"
            ended = replace(self._state, state="failed", message=message)
        else:
            ended = replace(self._state, state="done", notes=tuple(notes))
        self._publish(self._watching.message())
        self._tell(ended)

    def _progress(self, done: int, total: int | None, what: str) -> None:
        if self._cancelled.is_set():
            raise KeyboardInterrupt
        self._state = replace(self._state, done=done, total=total, what=what)
        if monotonic() - self._told_s > _TOLD_EVERY_S:
            self._tell(self._state)

    def _tell(self, state: CarryState) -> None:
        self._state, self._told_s = state, monotonic()
        self._publish({"type": "run", **asdict(state)})


class _Announcer(Writer[Result]):
    """Tells of every frame whose mask has been written."""

    def __init__(
        self, project: Project, watching: Watching, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self._project, self._watching, self._publish = project, watching, publish

    def open(self, output: OutputFolder, after: int | None) -> None:
        """Results behind `after` no longer hold."""
        self._project.begin_results(after)
        self._watching.forget_behind(after)
        self._publish({"type": "begun", "after": after})

    def write(self, result: Result) -> None:
        """A frame more."""
        found = {i: (said.area, round(said.score, 4)) for i, said in result.objects.items()}
        index = result.frame.index
        self._project.take_in(index, found)
        self._watching.see(index, image_to_rgb(result.frame.image), result.labels)
        self._publish({"type": "frame", "index": index, "objects": found})
