"""Runs of `segment` on tiny clips, and what lies in their folders."""

import json

from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.optical_flow.run import OpticalFlow

FRAMES = 8
SIZE, EVEN_SIZE = (49, 67), (48, 64)


def run(
    place,
    source="frames",
    out="out",
    masks: str | None = "first.png",
    method=None,
    refine=None,
    clean=None,
    **options,
):
    return segment(
        place / source,
        place / masks if masks else None,
        out=place / out,
        method=method or OpticalFlow(),
        refine=refine,
        clean=clean,
        options=SegmentOptions(**options),
    )


def lines(folder):
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


def mask_bytes(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "masks").iterdir())}
