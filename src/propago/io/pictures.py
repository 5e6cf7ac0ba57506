"""Write a picture."""

from pathlib import Path

import numpy as np
from PIL import Image

from propago.errors import OutputError
from propago.io.atomic import replacing


def write_picture(path: Path, rgb: np.ndarray) -> None:
    """Write a (H, W, 3) uint8 RGB picture in the format of the path's extension.

    Raises:
        OutputError: no such format, or it cannot be written.
    """
    form = Image.registered_extensions().get(path.suffix.lower())
    if form not in Image.SAVE:
        raise OutputError(f"{path}: pictures are written as .png or .jpg, not {path.suffix!r}")
    with replacing(path) as temporary:
        Image.fromarray(rgb).save(temporary, form)
