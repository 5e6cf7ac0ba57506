"""Several pictures on one sheet."""

from collections.abc import Sequence

import cv2
import numpy as np

_GAP_PX = 6
_TEXT_PX = 22


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int = 3, width_px: int = 1280
) -> np.ndarray:
    """Pictures in rows, each with its caption below, on white.

    Args:
        pictures: at least one, (H, W, 3) uint8, all of one size.
        captions: one each, short.
        columns: pictures in a row.
        width_px: of the sheet.

    Returns:
        (h, width_px, 3) uint8.
    """
    width = (width_px - (columns + 1) * _GAP_PX) // columns
    height = round(pictures[0].shape[0] * width / pictures[0].shape[1])
    rows = -(-len(pictures) // columns)
    cell = height + _TEXT_PX + _GAP_PX
    sheet = np.full((rows * cell + _GAP_PX, width_px, 3), 255, np.uint8)
    for n, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        y, x = n // columns * cell + _GAP_PX, n % columns * (width + _GAP_PX) + _GAP_PX
        shown = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        sheet[y : y + height, x : x + width] = shown
        origin = (x + 2, y + height + _TEXT_PX - 6)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(sheet, caption, origin, font, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return sheet
