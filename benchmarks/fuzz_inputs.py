"""What `fuzz.py` damages: small inputs of every format, and the verbs that read them."""

import json
import os
import random
import resource
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from propago.cli import main as propago
from propago.io.masks import write_mask
from propago.io.rle import encode

FRAMES, SIZE = 5, (36, 48)
_NOT_FORESEEN = ("unexpected ", "Traceback", "Exception ignored", "[ERROR:")


@dataclass(frozen=True)
class Outcome:
    """How a case ended; `said` is the end of stdout and stderr."""

    input: str
    failure: str = ""
    code: int = 0
    seconds: float = 0.0
    peak_mb: int = 0
    damage: str = ""
    said: str = ""

    @property
    def ending(self) -> str:
        """One word for the table."""
        return "failed" if self.failure else "refused" if self.code else "read"


@dataclass(frozen=True)
class Input:
    """A folder with files, which of them is damaged, and the command that reads it."""

    make: Callable[[Path], Any]
    damaged: str
    command: str


def labels(t: int) -> np.ndarray:
    """Objects 1 and 2, which move."""
    drawn = np.zeros(SIZE, np.uint8)
    drawn[6:18, 4 + t : 20 + t], drawn[20:32, 26 - t : 40 - t] = 1, 2
    return drawn


def picture(t: int) -> np.ndarray:
    """(H, W, 3) uint8 frame."""
    ground = np.random.default_rng(0).integers(30, 90, (*SIZE, 1), np.uint8)
    return ground + labels(t)[..., None] * np.array([70, 30, 50], np.uint8)


def _frames(folder: Path, suffix: str = ".png", kind: type = np.uint8, **options: Any) -> None:
    for t in range(FRAMES):
        values = picture(t).astype(kind) * (np.iinfo(kind).max // 255)
        path = folder / f"frames/{t:05}{suffix}"
        path.parent.mkdir(exist_ok=True)
        if kind is np.uint8:
            Image.fromarray(values).save(path, **options)
        else:
            path.write_bytes(cv2.imencode(suffix, values[..., ::-1])[1].tobytes())
    write_mask(folder / "first.png", labels(0))


def _stack(folder: Path) -> None:
    pages = [Image.fromarray(picture(t)[..., 0].astype(np.uint16) * 200) for t in range(FRAMES)]
    pages[0].save(folder / "stack.tif", save_all=True, append_images=pages[1:])
    write_mask(folder / "first.png", labels(0))


def _video(folder: Path) -> None:
    with av.open(folder / "clip.mp4", "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.height, stream.width = SIZE
        for t in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(t))))
        container.mux(stream.encode())
    write_mask(folder / "first.png", labels(0))


def _masks(folder: Path, name: str) -> None:
    """Frames, and a first mask in the format of `name`."""
    _frames(folder)
    path = folder / name
    kind = np.uint16 if name.startswith("deep") else np.uint8
    match path.suffix:
        case ".npy":
            np.save(path, labels(0).astype(np.int32))
        case ".npz":
            np.savez_compressed(path, labels=labels(0))
        case _:
            Image.fromarray(labels(0).astype(kind)).save(path)


def _sequence(folder: Path, write: Callable[[Path, int], Any]) -> None:
    for t in range(FRAMES):
        for side in ("results", "gt"):
            (folder / side / "clip").mkdir(parents=True, exist_ok=True)
            write(folder / side / "clip" / f"{t:05}", t)


def _write_soft(path: Path, t: int) -> None:
    planes = np.stack([(labels(t) == i) * 0.9 for i in (1, 2)])
    np.savez_compressed(path.with_suffix(".npz"), ids=[1, 2], probabilities=np.float16(planes))


def _tracks(folder: Path) -> None:
    tracks = [np.stack([labels(t) == i for t in range(FRAMES)]) for i in (1, 2)]
    height, width = SIZE
    video = {"id": 1, "height": height, "width": width, "length": FRAMES}
    found = [
        {"video_id": 1, "category_id": i, "score": 0.5, "segmentations": encode(track)}
        for i, track in enumerate(tracks, 1)
    ]
    truth = {
        "videos": [video],
        "categories": [{"id": 1}, {"id": 2}],
        "annotations": [{"id": n, "iscrowd": 0, **track} for n, track in enumerate(found, 1)],
    }
    _write_both(folder, truth, found)


def _instances(folder: Path) -> None:
    height, width = SIZE
    found = [
        {"image_id": 1, "category_id": i, "score": 0.5, "segmentation": encode(mask[None])[0]}
        for i in (1, 2)
        for mask in [labels(0) == i]
    ]
    truth = {
        "images": [{"id": 1, "height": height, "width": width}],
        "categories": [{"id": 1}, {"id": 2}],
        "annotations": [
            {"id": n, "area": 100, "iscrowd": 0, "bbox": [1, 2, 9, 9], **one}
            for n, one in enumerate(found, 1)
        ],
    }
    _write_both(folder, truth, found)


def _write_both(folder: Path, truth: Any, found: Any) -> None:
    (folder / "gt.json").write_text(json.dumps(truth))
    (folder / "results.json").write_text(json.dumps(found))


def _run(folder: Path) -> None:
    """A run that broke at a damaged frame, and what it gives without the damage."""
    _frames(folder)
    broken, command = folder / "frames/00003.png", _FOLLOW.format("whole")
    with _inside(folder):
        propago(command.split())
        sound = broken.read_bytes()
        broken.write_bytes(sound[:60])
        propago(_FOLLOW.format("out").split())
    broken.write_bytes(sound)


def _weights(folder: Path) -> None:
    from propago.nn.weights import SHIPPED

    _frames(folder)
    shutil.copy(SHIPPED / "feelvos-further.safetensors", folder / "mine.safetensors")


_FOLLOW = "segment frames --masks first.png --no-overlay --method optical_flow --out {}"
_SEGMENT = "segment {} --masks {} --out out --overwrite --no-overlay --method first_mask"
_EVAL = "eval results --gt gt"

INPUTS = {
    "PNG mask": Input(lambda f: _masks(f, "m.png"), "m.png", _SEGMENT.format("frames", "m.png")),
    "16-bit PNG mask": Input(
        lambda f: _masks(f, "deep.png"), "deep.png", _SEGMENT.format("frames", "deep.png")
    ),
    "TIFF mask": Input(lambda f: _masks(f, "m.tif"), "m.tif", _SEGMENT.format("frames", "m.tif")),
    "16-bit TIFF mask": Input(
        lambda f: _masks(f, "deep.tif"), "deep.tif", _SEGMENT.format("frames", "deep.tif")
    ),
    "npy mask": Input(lambda f: _masks(f, "m.npy"), "m.npy", _SEGMENT.format("frames", "m.npy")),
    "npz mask": Input(lambda f: _masks(f, "m.npz"), "m.npz", _SEGMENT.format("frames", "m.npz")),
    "PNG frames": Input(_frames, "frames/*", _SEGMENT.format("frames", "first.png")),
    "JPEG frames": Input(
        lambda f: _frames(f, ".jpg"), "frames/*", _SEGMENT.format("frames", "first.png")
    ),
    "TIFF frames": Input(
        lambda f: _frames(f, ".tif", compression="tiff_lzw"),
        "frames/*",
        _SEGMENT.format("frames", "first.png"),
    ),
    "16-bit TIFF frames": Input(
        lambda f: _frames(f, ".tif", np.uint16), "frames/*", _SEGMENT.format("frames", "first.png")
    ),
    "TIFF stack": Input(_stack, "stack.tif", _SEGMENT.format("stack.tif", "first.png")),
    "mp4": Input(_video, "clip.mp4", _SEGMENT.format("clip.mp4", "first.png")),
    "mp4 still": Input(_video, "clip.mp4", "frame clip.mp4 3 --out still.png --overwrite"),
    "PNG results": Input(
        lambda f: _sequence(f, lambda p, t: write_mask(p.with_suffix(".png"), labels(t))),
        "*/clip/*",
        _EVAL,
    ),
    "doctor": Input(
        lambda f: _sequence(f, lambda p, t: write_mask(p.with_suffix(".png"), labels(t) * 9)),
        "results/clip/*",
        "doctor results --fix --out out/mended",
    ),
    "npz soft masks": Input(
        lambda f: _sequence(f, _write_soft),
        "results/clip/*",
        "clean results/clip --out out --overwrite",
    ),
    "YouTube-VIS JSON": Input(_tracks, "*.json", "eval results.json --gt gt.json"),
    "COCO JSON": Input(_instances, "*.json", "eval results.json --gt gt.json"),
    "run record": Input(
        _run,
        "out/*.json*",
        _FOLLOW.format("out --resume"),
    ),
    "checkpoint": Input(
        _run,
        "out/checkpoints/*",
        _FOLLOW.format("out --resume"),
    ),
    "weights": Input(
        _weights,
        "mine.safetensors",
        "segment frames --masks first.png --out out --overwrite --no-overlay "
        "--weights mine.safetensors --size 32 --end 2",
    ),
}


def make_inputs(folder: Path, names: list[str]) -> None:
    """Write the sound files of each input once."""
    for name in names:
        (folder / name).mkdir(parents=True)
        INPUTS[name].make(folder / name)


def run_case(which: str, sound: Path, work: Path, seed: str) -> Outcome:
    """Damage one file of a copy and run the command on it."""
    chance, one = random.Random(f"{seed} {which}"), INPUTS[which]
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(sound, work)
    (work / "out").mkdir(exist_ok=True)
    (work / "out/notes.txt").write_text("mine")
    target = chance.choice(sorted(work.glob(one.damaged)))
    damage = damaged(target, chance)
    before = {p.name: p.read_bytes() for p in work.glob("out/masks/*")}
    begun = time.perf_counter()
    code, said = _called(one.command, work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = round(time.perf_counter() - begun, 2)
    failure = next((said[said.index(m) :][:300] for m in _NOT_FORESEEN if m in said), "")
    failure = failure or _lost(one.command, work, before, code)
    if code not in (0, 1, 2):
        failure = failure or f"exit code {code}"
    return Outcome(which, failure, code, seconds, peak, f"{target.name}: {damage}", said[-600:])


def _lost(command: str, work: Path, before: dict[str, bytes], code: int) -> str:
    """What is gone or changed that should not be."""
    if (work / "out/notes.txt").read_text() != "mine":
        return "a file of the user's changed"
    now = {p.name: p.read_bytes() for p in work.glob("out/masks/*")}
    if "--resume" in command and code and any(now.get(n) != b for n, b in before.items()):
        return "finished masks are gone"
    whole = {p.name: p.read_bytes() for p in work.glob("whole/masks/*")}
    return "other masks after --resume" if whole and not code and now != whole else ""


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _called(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and all that a verb says, what libraries write to the terminal included."""
    place = folder / "said.txt"
    kept = os.dup(1), os.dup(2)
    with place.open("wb") as file, _inside(folder):
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            code = propago(command.split())
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])
    return code, place.read_text(errors="replace")


def damaged(path: Path, chance: random.Random) -> str:
    """Change a file in one of several ways; which."""
    data = bytearray(path.read_bytes())
    ways = [_flip, _flip, _overwrite, _cut, _double, _zero]
    ways += [_header] * 2 if data[:4] == b"\x89PNG" else []
    ways += [_value] * 4 if path.suffix in (".json", ".jsonl") else []
    way = chance.choice(ways)
    path.write_bytes(way(data, chance))
    return way.__name__.strip("_")


def _flip(data: bytearray, chance: random.Random) -> bytes:
    early = chance.random() < 0.5
    for _ in range(chance.choice((1, 2, 8, 64))):
        at = chance.randrange(min(len(data), 256) if early else len(data)) if data else 0
        data[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(data)


def _overwrite(data: bytearray, chance: random.Random) -> bytes:
    at, n = chance.randrange(len(data)), chance.choice((2, 4, 8, 200))
    data[at : at + n] = chance.randbytes(n)
    return bytes(data)


def _cut(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def _double(data: bytearray, chance: random.Random) -> bytes:
    at, n = chance.randrange(len(data)), chance.randrange(1, 400)
    return bytes(data[:at] + data[at : at + n] * 2 + data[at + n :])


def _zero(data: bytearray, chance: random.Random) -> bytes:
    at, n = chance.randrange(len(data)), chance.randrange(1, 400)
    data[at : at + n] = bytes(len(data[at : at + n]))
    return bytes(data)


def _header(data: bytearray, chance: random.Random) -> bytes:
    """A PNG's size, depth or kind of colour, with the checksum that belongs to it."""
    at = chance.choice((16, 18, 20, 22, 24, 25, 26, 28))
    data[at] = chance.choice((0, 1, 2, 3, 4, 6, 8, 16, 64, 255))
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def _value(data: bytearray, chance: random.Random) -> bytes:
    """Another value, or none, somewhere in a JSON file or in a line of several."""
    try:
        lines = [json.loads(data)]
    except ValueError:
        lines = [json.loads(line) for line in data.splitlines()]
    changed = chance.choice(lines)
    inside, key = chance.choice([*_places(changed)])
    if chance.random() < 0.2:
        del inside[key]
    else:
        inside[key] = chance.choice(
            (None, True, -1, 0, 1, 3, 1e308, 2**40, 0.5, "", "x", [], [1], {}, {"a": 1}, "naïve")
        )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every list and mapping with each of its keys."""
    keys = range(len(value)) if isinstance(value, list) else [*value]
    for key in keys:
        yield value, key
        if isinstance(value[key], list | dict):
            yield from _places(value[key])
