"""The looks of all frames that have masks, kept up to date as masks come and change."""

from contextlib import suppress
from dataclasses import asdict
from threading import Lock
from typing import Any

import numpy as np

from propago.errors import MaskError, UsageError
from propago.studio.appearance import Seen, Swap, likely_swaps, seen, unlikeness
from propago.studio.pictures import PictureCache
from propago.studio.project import Project
from propago.studio.review import Look, worth_a_look
from propago.types import Annotation


class Watching:
    """What each frame of a project shows; asked where something looks wrong."""

    def __init__(self, project: Project, pictures: PictureCache) -> None:
        """Nothing is seen yet; `pictures` are those of the project's source."""
        self._project, self._pictures = project, pictures
        self._lock = Lock()
        self._looks: dict[int, tuple[dict[str, int], Seen]] = {}
        self._drawn: dict[int, tuple[Annotation, Seen]] = {}

    def see(self, index: int, rgb: np.ndarray, labels: np.ndarray | None = None) -> None:
        """A frame has masks.

        Args:
            index: of the frame.
            rgb: (H, W, 3) uint8.
            labels: (H, W) what was found; None: what the project has of it, if anything.
        """
        with suppress(MaskError):  # whoever asks for that mask hears of it
            labels = self._project.result(index) if labels is None else labels
            if labels is not None:
                look = seen(rgb, labels.astype(np.uint8))
                with self._lock:
                    self._looks[index] = self._project.instances(index), look

    def forget_behind(self, after: int | None) -> None:
        """What was found behind a frame no longer holds; None: nothing does."""
        kept = -1 if after is None else after
        with self._lock:
            self._looks = {t: said for t, said in self._looks.items() if t <= kept}

    def swaps(self) -> list[Swap]:
        """Where two objects have likely changed places."""
        return likely_swaps(self._frames())

    def message(self) -> dict[str, Any]:
        """The swaps, as pages are told of them."""
        return {"type": "swaps", "swaps": [asdict(swap) for swap in self.swaps()]}

    def worth_a_look(self) -> list[Look]:
        """The frames most worth a look."""
        project, frames = self._project, self._frames()
        drawn = [self._look_of(t, said) for t, said in project.annotations.items()]
        known = {i for look in drawn for i in look.colours}
        unlike = {
            (t, i): min(unlikeness(colour, d.colours[i]) for d in drawn if i in d.colours)
            for t, look in frames.items()
            for i, colour in look.colours.items()
            if i in known
        }
        return worth_a_look(project.figures, project.annotations, likely_swaps(frames), unlike)

    def _frames(self) -> dict[int, Seen]:
        """The looks by frame, with the ids of today."""
        with self._lock:
            looks = dict(self._looks)
        found = {}
        for t, (then, look) in looks.items():
            today = self._project.instances(t)
            found[t] = look.renamed({i: today[name] for name, i in then.items() if name in today})
        return found

    def _look_of(self, index: int, said: Annotation) -> Seen:
        known = self._drawn.get(index)
        if known is None or known[0] is not said:
            with suppress(UsageError):  # the source broke off before it
                look = seen(self._pictures.rgb(index), np.where(said.void, 0, said.labels))
                known = self._drawn[index] = said, look
        return known[1] if known else Seen({}, frozenset())
