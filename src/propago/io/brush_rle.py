"""The run lengths of Label Studio's brush: bits of an RGBA picture, after `@thi.ng/rle-pack`.

32 bits say how many values there are, 5 how many bits a value has, less one, 4 times 4 the four
sizes of lengths, less one. Then come groups: a bit that says whether one value is repeated, two
that choose the size of the length, the length less one, and the value or the values.
"""

from collections.abc import Iterable, Sequence

import numpy as np

_SIZES = (3, 4, 8, 16)
_WORD = 8
_LONGEST = 1 << max(_SIZES)
CHANNELS = 4


def encode_brush(mask: np.ndarray) -> list[int]:
    """(H, W) bool as the bytes that Label Studio keeps: all four channels are 0 or 255."""
    flat = mask.ravel()
    begins = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
    lengths = np.diff(np.append(begins, flat.size)) * CHANNELS
    bits = [f"{flat.size * CHANNELS:032b}{_WORD - 1:05b}", *(f"{s - 1:04b}" for s in _SIZES)]
    for begin, length in zip(begins.tolist(), lengths.tolist(), strict=True):
        value = "1" * _WORD if flat[begin] else "0" * _WORD
        for part in _parts(length):
            choice = next(n for n, size in enumerate(_SIZES) if part <= 1 << size)
            bits.append(f"1{choice:02b}{part - 1:0{_SIZES[choice]}b}{value}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]


def decode_brush(packed: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: where alpha is above half.

    Raises:
        ValueError: the bytes are damaged, or of a picture of another size.
    """
    bits = "".join(f"{byte:08b}" for byte in bytes(packed))
    total, word = int(bits[:32], 2), int(bits[32:37], 2) + 1
    if total != size[0] * size[1] * CHANNELS:
        raise ValueError(f"it has {total} values, its picture {size[0] * size[1] * CHANNELS}")
    sizes = [int(bits[at : at + 4], 2) + 1 for at in range(37, 53, 4)]
    values, at, done = np.zeros(total, np.uint8), 53, 0
    while done < total:
        repeated, choice = bits[at] == "1", int(bits[at + 1 : at + 3], 2)
        begin = at + 3 + sizes[choice]
        length = int(bits[at + 3 : begin], 2) + 1
        words = 1 if repeated else length
        at = begin + words * word
        values[done : done + length] = _words(bits[begin:at], word)
        done += length
    return values.reshape(*size, CHANNELS)[..., -1] > 127


def _words(bits: str, word: int) -> list[int]:
    return [int(bits[at : at + word], 2) for at in range(0, len(bits), word)]


def _parts(length: int) -> Iterable[int]:
    while length > _LONGEST:
        yield _LONGEST
        length -= _LONGEST
    yield length
