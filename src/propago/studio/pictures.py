"""The pictures of a source as the page takes them: decoded once, in the background."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Condition, Thread

import cv2
import numpy as np
from PIL import Image

from propago.errors import PropagoError, UsageError
from propago.io.source import Source
from propago.ops.image import image_to_rgb

QUALITY = 95
"""Of the JPEGs that the page shows and prompts are answered on."""

_TOLD_EVERY = 20


class PictureCache:
    """JPEGs of every frame at its own size, in a temporary folder that `close` deletes.

    Attributes:
        ready: how many of the first frames are there.
        whole: nothing more will come.
        damage: what ended the source early, in a sentence; None where nothing did.
    """

    def __init__(self, source: Source) -> None:
        """Nothing is decoded before `begin`."""
        self.ready, self.whole, self.damage = 0, False, None
        self._source, self._tell = source, lambda: None
        self._see: Callable[[int, np.ndarray], None] = lambda index, rgb: None
        self._changed, self._closed = Condition(), False
        self._folder = TemporaryDirectory(prefix="propago-studio-")
        self._thread = Thread(target=self._decode, name="propago-pictures", daemon=True)

    def begin(self, tell: Callable[[], None], see: Callable[[int, np.ndarray], None]) -> None:
        """Decode from now on.

        Args:
            tell: called now and then when more is there.
            see: called with the index and the (H, W, 3) uint8 picture of each frame.
        """
        self._tell, self._see = tell, see
        self._thread.start()

    def jpeg(self, index: int, wait_s: float = 10.0) -> bytes:
        """The JPEG of a frame, waiting for the decoder where it has not come so far.

        Raises:
            UsageError: there is no such frame, or it has not come in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: index < self.ready or self.whole, wait_s)
            if not 0 <= index < self.ready:
                raise UsageError(f"there is no frame {index} yet; there are {self.ready}")
        return self._path(index).read_bytes()

    def rgb(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 picture of a frame.

        Raises:
            UsageError: as `jpeg`.
        """
        with Image.open(BytesIO(self.jpeg(index))) as picture:
            return np.asarray(picture)

    def close(self) -> None:
        """Stop decoding, and delete the pictures."""
        self._closed = True
        self._thread.join()
        self._folder.cleanup()

    def _decode(self) -> None:
        try:
            for frame in self._source:
                if self._closed:
                    return
                index, rgb = self.ready, image_to_rgb(frame.image)
                self._put(index, rgb)
                self._see(index, rgb)
        except PropagoError as error:
            self.damage = str(error)
        except OSError as error:
            self.damage = f"no more pictures can be kept in {self._folder.name}: {error}"
        with self._changed:
            self.whole = True
            self._changed.notify_all()
        self._tell()

    def _put(self, index: int, rgb: np.ndarray) -> None:
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        self._path(index).write_bytes(data.tobytes())
        with self._changed:
            self.ready = index + 1
            self._changed.notify_all()
        if index == 0 or (index + 1) % _TOLD_EVERY == 0:
            self._tell()

    def _path(self, index: int) -> Path:
        return Path(self._folder.name) / f"{index:08d}.jpg"
