"""How long a video file says it is, to tell a cut-off one from a whole one.

Demultiplexers end quietly at the end of a cut file. The containers say their own length: the
boxes of MP4/QuickTime (ISO/IEC 14496-12), the segment of Matroska/WebM (RFC 8794, RFC 9559) and
the RIFF chunks of AVI.
"""

import struct
from pathlib import Path
from typing import BinaryIO


def missing_bytes(path: Path) -> int:
    """How many bytes the file lacks of what its container declares; 0 where it is whole."""
    have = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"\x1aE\xdf\xa3":
            end = _matroska_end(file)
        elif head[:4] == b"RIFF":
            end = _last_end(file, have, _riff_chunk)
        elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
            end = _last_end(file, have, _box)
        else:
            end = have
    return max(0, end - have)


def _last_end(file: BinaryIO, have: int, length_of) -> int:
    """Where the last top-level element ends, by its own word."""
    end = 0
    while end < have:
        file.seek(end)
        length = length_of(file, have - end)
        if length <= 0:
            return have
        end += length
    return end


def _box(file: BinaryIO, rest: int) -> int:
    head = file.read(16)
    if len(head) < 8:
        return rest
    size = struct.unpack(">I", head[:4])[0]
    if size == 1 and len(head) == 16:
        return struct.unpack(">Q", head[8:16])[0]
    return rest if size < 8 else size


def _riff_chunk(file: BinaryIO, rest: int) -> int:
    head = file.read(8)
    if head[:4] != b"RIFF" or len(head) < 8:
        return rest
    size = struct.unpack("<I", head[4:8])[0]
    return size + 8 + size % 2 if size else rest


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 where its length is declared unknown, as in live recordings."""
    file.seek(4)
    header = _vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != b"\x18S\x80g":
        return 0
    segment = _vint(file)
    return 0 if segment is None else file.tell() + segment


def _vint(file: BinaryIO) -> int | None:
    """An EBML variable-length size; None where it is missing or all ones (unknown)."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big") & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else value
