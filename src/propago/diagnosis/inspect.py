"""What is in one mask file."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from propago.diagnosis.snapping import SURE_WITHIN, Value, flat_values
from propago.errors import MaskError
from propago.io.labels import opaque
from propago.io.levels import Levels, is_soft, levels_of, looks_lossy, matte_ends
from propago.io.raw_masks import RawMask, read_raw
from propago.io.shared_policy import ShownColours, shown_colours

_MANY = 64


@dataclass(frozen=True)
class MaskInspection:
    """What one file holds; nothing but `path` and `error` where it cannot be decoded.

    Attributes:
        error: why it cannot be decoded, or "".
        size: (height, width) in pixels.
        format: Pillow's name of the file format; `mode` of the pixel layout.
        kind: "index", "grey" or "colour".
        values: the distinct values, each with its `pixels`, its `core` pixels (inside flat areas)
            and its `hard` pixels (no blends; 0 for a value that mostly blends). None of a
            photograph; of a soft picture those with hard pixels.
        n_values: how many there were.
        n_soft: how many of them are blends at edges, on `soft_px` pixels.
        soft_alpha: some pixels are half transparent.
        matte: what black and white are, where it is a grey picture of one object.
        lossy: the file format changes values.
        davis_palette: the indices in use have the DAVIS colours, or there are no indices.
        shown: the colours of the indices in use.
    """

    path: Path
    error: str = ""
    size: tuple[int, int] = (0, 0)
    format: str = ""
    mode: str = ""
    kind: str = ""
    values: tuple[Value, ...] = ()
    pixels: tuple[int, ...] = ()
    core: tuple[int, ...] = ()
    hard: tuple[int, ...] = ()
    n_values: int = 0
    n_soft: int = 0
    soft_px: int = 0
    soft_alpha: bool = False
    matte: tuple[int, int] | None = None
    lossy: bool = False
    davis_palette: bool = True
    shown: ShownColours = field(default_factory=ShownColours)

    @property
    def is_picture(self) -> bool:
        """Many values and hardly a flat area: no mask."""
        return not self.error and not self.values

    @property
    def readable(self) -> bool:
        """There are values to interpret."""
        return bool(self.values)

    @property
    def is_16_bit(self) -> bool:
        """255 is an id, not void."""
        return self.mode.startswith(("I", "F"))

    @property
    def anti_aliased(self) -> bool:
        """Most values besides two are blends.

        One or two may be thin objects where an index is an id beyond doubt.
        """
        least = 3 if self.kind == "index" and self.davis_palette else 1
        return self.soft_alpha or self.n_soft >= max(least, (self.n_values - 1) / 2)


def inspect_mask(path: Path) -> MaskInspection:
    """Look at one file; that it cannot be decoded is a fact too."""
    try:
        raw, soft_alpha = read_opaque(path)
    except MaskError as error:
        return MaskInspection(path, error=str(error))
    levels = levels_of(raw)
    hard = np.where(levels.soft, 0, levels.pixels - levels.blends)
    matte = _matte(raw, levels)
    kept = _kept(levels, hard) if matte is None else np.isin(levels.coordinates[:, 0], matte)
    return MaskInspection(
        path,
        size=(raw.values.shape[0], raw.values.shape[1]),
        format=raw.format,
        mode=raw.mode,
        kind=raw.kind,
        values=tuple(tuple(value) for value in levels.coordinates[kept].tolist()),
        pixels=tuple(levels.pixels[kept].astype(int).tolist()),
        core=tuple(levels.core[kept].astype(int).tolist()),
        hard=tuple(hard[kept].astype(int).tolist()),
        n_values=len(levels.pixels),
        n_soft=int(levels.soft.sum()),
        soft_px=int(levels.pixels[levels.soft].sum()),
        soft_alpha=soft_alpha,
        matte=matte,
        lossy=raw.lossy,
        davis_palette=raw.palette is None or raw.has_davis_palette,
        shown=ShownColours() if raw.palette is None else shown_colours(raw),
    )


def read_opaque(path: Path) -> tuple[RawMask, bool]:
    """A mask file with hard alpha resolved, and whether anything was half transparent.

    One that was once a JPEG is `lossy`, whatever it is saved as now.

    Raises:
        MaskError: it cannot be decoded.
    """
    raw, soft = read_raw(path), False
    if raw.alpha is not None:
        soft = bool(((raw.alpha > 0) & (raw.alpha < 255)).any())
        hard = np.where(raw.alpha >= 128, 255, 0).astype(np.uint8)
        raw, _ = opaque(replace(raw, alpha=hard))
    clean = raw.lossy or raw.has_davis_palette or not looks_lossy(levels_of(raw), raw.full)
    return raw if clean else replace(raw, lossy=True), soft


def _matte(raw: RawMask, levels: Levels) -> tuple[int, int] | None:
    """Black and white of a grey picture that is soft, was, or has just these two values."""
    two = len(levels.pixels) == 2 and raw.full == 255
    one_object = raw.kind == "grey" and (two or raw.lossy or is_soft(levels))
    return matte_ends(levels, raw.full) if one_object else None


def _kept(levels: Levels, hard: np.ndarray) -> np.ndarray:
    if len(levels.pixels) <= _MANY:
        return np.ones(len(levels.pixels), bool)
    if levels.core.sum() < 0.5 * levels.pixels.sum() or _share_near_flat(levels) < 0.7:
        return np.zeros(len(levels.pixels), bool)
    return (levels.core > 0) | (hard > 0)


def _share_near_flat(levels: Levels) -> float:
    """How many of the pixels have a value that fills an area, or one close to it."""
    flat = np.array(flat_values(levels.coordinates, levels.core, 0.001 * levels.pixels.sum()))
    far = np.abs(levels.coordinates[:, None] - flat[None]).max(-1).min(1)
    return float(levels.pixels[far <= SURE_WITHIN / 2].sum() / levels.pixels.sum())
