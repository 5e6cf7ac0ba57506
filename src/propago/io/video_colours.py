"""A decoded picture of a video as 8-bit RGB of standard range, whatever colours it is coded in.

Matrices as tagged, else as players guess: BT.709 in HD, BT.601 below. HDR (ITU-R BT.2100, PQ and
HLG) is tone-mapped: 203 cd/m2, which BT.2408 has for diffuse white, becomes nearly white.
"""

from functools import cache
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

_UNSPECIFIED, _BT2020, _PQ, _HLG = 2, 9, 16, 18
_HD_WIDTH, _HD_HEIGHT = 1280, 576
_WHITE_NITS, _HLG_PEAK_NITS, _HLG_GAMMA = 203.0, 1000.0, 1.2
_KNEE, _GAMMA = 0.75, 2.4
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_BT2020_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def hdr_of(transfer: int | None) -> Literal["PQ", "HLG"] | None:
    """Which HDR a transfer characteristic (ITU-T H.273) is; None of standard range."""
    return "PQ" if transfer == _PQ else "HLG" if transfer == _HLG else None


def rgb_of(picture: VideoFrame, converter: VideoReformatter) -> np.ndarray:
    """(H, W, 3) uint8 RGB in the orientation of the stream.

    By way of packed RGB: FFmpeg's planar RGB leaves up to seven columns at the right undefined
    where the width is no multiple of eight.
    """
    hdr, matrix = hdr_of(picture.color_trc), None
    if picture.colorspace == _UNSPECIFIED:
        is_hd = picture.width >= _HD_WIDTH or picture.height > _HD_HEIGHT
        matrix = Colorspace.BT2020 if hdr else Colorspace.ITU709 if is_hd else Colorspace.ITU601
    form, kind = ("rgb48le", np.uint16) if hdr else ("rgb24", np.uint8)
    packed = converter.reformat(picture, format=form, src_colorspace=matrix, threads=1)
    height, width, plane = packed.height, packed.width, packed.planes[0]
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind().itemsize)
    rgb = rows[:height, : 3 * width].reshape(height, width, 3)
    if hdr is None:
        return rgb
    wide = picture.color_primaries in (_UNSPECIFIED, _BT2020)
    return tone_mapped(rgb, hdr, wide_gamut=wide)


def tone_mapped(
    rgb: np.ndarray, hdr: Literal["PQ", "HLG"], *, wide_gamut: bool = True
) -> np.ndarray:
    """HDR as a screen of standard range shows it (gamma 2.4, BT.709).

    Up to three quarters of diffuse white light stays as it is; what is brighter nears white.

    Args:
        rgb: (H, W, 3) uint16, full range.
        hdr: how it is coded.
        wide_gamut: its primaries are those of BT.2020.

    Returns:
        (H, W, 3) uint8.
    """
    light = _light_by_value(hdr)[rgb]
    if hdr == "HLG":
        light *= (light @ _LUMINANCE)[..., None] ** (_HLG_GAMMA - 1)
        light *= _HLG_PEAK_NITS / _WHITE_NITS
    if wide_gamut:
        light = np.maximum(light @ _BT2020_TO_709.T, 0)
    peak = np.maximum(light.max(-1, keepdims=True), 1e-6)
    bent = 1 - (1 - _KNEE) * np.exp((_KNEE - peak) / (1 - _KNEE))
    light *= np.where(peak > _KNEE, bent / peak, 1)
    return np.rint(255 * np.minimum(light, 1) ** (1 / _GAMMA)).astype(np.uint8)


@cache
def _light_by_value(hdr: Literal["PQ", "HLG"]) -> np.ndarray:
    """(65536,) float32: of PQ light of the screen, white 1; of HLG light of the scene, 0 to 1."""
    signal = np.arange(65536) / 65535
    if hdr == "PQ":  # SMPTE ST 2084
        root = signal ** (32 / 2523)
        numerator = np.maximum(root - 107 / 128, 0)
        nits = 10_000 * (numerator / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
        return (nits / _WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = (np.exp((signal - c) / a) + b) / 12
    return np.where(signal <= 0.5, signal**2 / 3, bright).astype(np.float32)
