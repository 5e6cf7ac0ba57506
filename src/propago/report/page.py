"""What the HTML pages have in common: templates, one look, pictures as text: no other file."""

import base64
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from propago import __version__

JPEG_QUALITY = 78


def templates() -> Environment:
    """The templates, all of which extend `page.html`; values are escaped, missing ones an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["version"] = __version__
    return environment


def jpeg_uri(rgb: np.ndarray, most_px: int) -> str:
    """(H, W, 3) uint8 RGB as a JPEG no wider than `most_px`."""
    height, width = rgb.shape[:2]
    if width > most_px:
        size = most_px, max(1, round(height * most_px / width))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
