"""Pictures as text that a page can hold."""

import base64

import cv2
import numpy as np

JPEG_QUALITY = 78


def jpeg_uri(rgb: np.ndarray, most_px: int) -> str:
    """(H, W, 3) uint8 RGB as a JPEG no wider than `most_px`."""
    height, width = rgb.shape[:2]
    if width > most_px:
        size = most_px, max(1, round(height * most_px / width))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
