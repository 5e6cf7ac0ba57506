"""Ground truth beside the masks: sent to the page, which shows what differs and how much."""

import zlib
from collections.abc import Sequence

import numpy as np
from fastapi import APIRouter, Response

from propago.errors import MaskError, UsageError
from propago.io.mask_sequence import MaskSequence
from propago.studio.fields import FrameIndex
from propago.studio.project import Project


def label_answer(labels: np.ndarray, drawn: Sequence[int] = ()) -> Response:
    """A (H, W) uint8 label map as its bytes; `x-drawn` has the ids a person drew."""
    headers = {
        "content-encoding": "deflate",
        "x-drawn": ",".join(map(str, drawn)),
        "cache-control": "no-store",
    }
    data = zlib.compress(labels.tobytes(), 1)
    return Response(data, media_type="application/octet-stream", headers=headers)


class Truth:
    """The true masks of some frames, read one by one; 255 is void."""

    def __init__(self, project: Project, masks: MaskSequence | None) -> None:
        """`masks` are named like the frames of `project`; None: there is no truth.

        Raises:
            MaskError: none of them is named like a frame, or they are of another size.
        """
        self._masks, self._size = masks, project.source.size
        self._names: dict[int, str] = {}
        if masks is None:
            return
        known = set(masks.names)
        count = project.source.frame_count or len(masks)
        names = {t: project.name_of(t) for t in range(count)}
        self._names = {t: name for t, name in names.items() if name in known}
        if not self._names:
            raise MaskError(
                f"`gt` {masks.path} has masks {', '.join(masks.names[:3])} ..., none is named like "
                f"a frame: {project.name_of(0)} ..."
            )
        self.labels(next(iter(self._names)))

    def labels(self, index: int) -> np.ndarray:
        """(H, W) uint8 truth of a frame.

        Raises:
            UsageError: there is none of this frame.
            MaskError: it is damaged, of another size, or has an id above 254.
        """
        if self._masks is None or index not in self._names:
            raise UsageError(f"there is no truth of frame {index}")
        labels = self._masks.labels(self._names[index])
        if labels.shape != self._size:
            raise MaskError(f"`gt` of frame {index} is {labels.shape}, the frames {self._size}")
        if labels.max(initial=0) > np.iinfo(np.uint8).max:
            raise MaskError(f"`gt` of frame {index} has id {labels.max()}; the studio has 254")
        return labels.astype(np.uint8)

    def router(self) -> APIRouter:
        """The frames that have truth, and it."""
        router = APIRouter(prefix="/api/truth")

        def frames() -> list[int]:
            return list(self._names)

        def truth(index: FrameIndex) -> Response:
            return label_answer(self.labels(index))

        router.add_api_route("", frames, methods=["GET"])
        router.add_api_route("/{index}", truth, methods=["GET"])
        return router
