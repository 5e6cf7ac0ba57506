"""Label maps out of every kind of PNG, against an encoder written here and against Pillow."""

import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from propago.errors import MaskError
from propago.io.png import decode_plain
from propago.io.raw_masks import read_raw

PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
PASSES += [(1, 0, 2, 1)]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pack_rows(labels: np.ndarray, bits: int, row_filter: int) -> bytes:
    """Rows of a picture, packed and filtered (0 none, 1 sub, 2 up, 3 average, 4 Paeth)."""
    shifts = np.arange(bits - 1, -1, -1)
    octets = np.packbits((labels[..., None] >> shifts & 1).reshape(len(labels), -1), axis=1)
    step, width = max(bits // 8, 1), octets.shape[1]
    padded = np.zeros((len(octets) + 1, width + step), np.int64)
    padded[1:, step:] = octets
    left, up, corner = padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step]
    estimate = left + up - corner
    distances = np.stack([abs(estimate - n) for n in (left, up, corner)])
    paeth = np.choose(distances.argmin(0), [left, up, corner])
    predicted = [np.zeros_like(left), left, up, (left + up) // 2, paeth][row_filter]
    rows = np.full((len(octets), width + 1), row_filter, np.uint8)
    rows[:, 1:] = (octets - predicted) % 256
    return rows.tobytes()


def png(labels, *, bits=8, colour=3, row_filter=0, interlaced=False, chunks=1) -> bytes:
    height, width = labels.shape
    data = b""
    if interlaced:
        for y, x, dy, dx in PASSES:
            part = labels[y::dy, x::dx]
            data += pack_rows(part, bits, row_filter) if part.size else b""
    else:
        data = pack_rows(labels, bits, row_filter)
    body = zlib.compress(data)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    cuts = [len(body) * i // chunks for i in range(chunks + 1)]
    parts = [chunk(b"IDAT", body[a:b]) for a, b in pairwise(cuts)]
    palette = chunk(b"PLTE", bytes(3 << min(bits, 8))) if colour == 3 else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + palette + b"".join(parts) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 1), (37, 53)])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("colour", [0, 3])
@pytest.mark.parametrize("interlaced", [False, True])
def test_bit_depths_and_interlacing(tmp_path, size, bits, colour, interlaced):
    labels = np.random.default_rng(1).integers(0, 1 << bits, size)
    path = tmp_path / "m.png"
    path.write_bytes(png(labels, bits=bits, colour=colour, interlaced=interlaced))
    np.testing.assert_array_equal(read_raw(path).values, labels)


@pytest.mark.parametrize("row_filter", range(5))
@pytest.mark.parametrize("colour", [0, 3])
def test_filters(tmp_path, row_filter, colour):
    labels = np.random.default_rng(2).integers(0, 256, (20, 31))
    path = tmp_path / "m.png"
    path.write_bytes(png(labels, row_filter=row_filter, colour=colour))
    read = read_raw(path).values
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, labels)


def test_many_chunks_take_the_fast_way():
    labels = np.random.default_rng(3).integers(0, 256, (50, 70))
    read = decode_plain(png(labels, chunks=7))
    assert read is not None
    np.testing.assert_array_equal(read[0], labels)
    assert read[1] == bytes(768)


def test_sixteen_bits(tmp_path):
    labels = np.random.default_rng(4).integers(0, 65536, (9, 11)).astype(np.uint16)
    path = tmp_path / "m.png"
    Image.fromarray(labels).save(path)
    read = read_raw(path).values
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("colours", [2, 3, 16, 17, 256])
def test_what_pillow_writes(tmp_path, colours):
    labels = np.random.default_rng(5).integers(0, colours, (40, 60)).astype(np.uint8)
    image = Image.fromarray(labels)
    image.putpalette(bytes(range(256)) * 3)
    path = tmp_path / "m.png"
    image.save(path, bits=max(1, (colours - 1).bit_length()))
    np.testing.assert_array_equal(read_raw(path).values, labels)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(MaskError, match=r"gone\.png"):
        read_raw(tmp_path / "gone.png")
    damaged = png(np.random.default_rng(6).integers(0, 256, (50, 50)))
    for name, data in (("cut.png", damaged[:1500]), ("text.png", b"no picture"), ("no.png", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MaskError, match=name):
            read_raw(tmp_path / name)
