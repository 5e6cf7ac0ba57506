"""Val sequences in pairs: the object of one pasted into another, to choose on several objects.

The `val` sequences have one object each. This writes, in the DAVIS layout, each with the object of
another in it (real motion, own size or smaller, beginning at the outline of what is there), and
each with its own mirror image; `benchmarks/ablation.py --data FOLDER --set pairs.txt` reads them.

    python benchmarks/pairs.py OUT
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from arguments import parser
from propago.data.objects import paste_moving
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.ops.image import image_to_rgb

FRAMES = 30
Sequence = tuple[np.ndarray, np.ndarray]
"""Images (T, H, W, 3) and labels (T, H, W), uint8."""


def main() -> None:
    """Write the pairs of a set."""
    arguments = parser(__doc__, set_name="val")
    arguments.add_argument("out", type=Path, help="folder to write to")
    options = arguments.parse_args()
    davis, out = options.data / "davis", options.out
    clips = {source.name: read(davis, source) for source in open_davis(davis, Path(options.set))}
    names = list(clips)
    written = []
    for i, name in enumerate(names):
        other = names[(i + 1) % len(names)]
        images, labels = clips[name]
        twin = images[:, :, ::-1], labels[:, :, ::-1]
        for donor, donated in ((other, clips[other]), ("twin", twin)):
            pair = f"{name}+{donor}"
            write(out, pair, *pasted((images, labels), donated, seed=i))
            written.append(pair)
    write_list(out, "pairs", written)


def read(davis: Path, source: Source, count: int = FRAMES) -> Sequence:
    """Images (T, H, W, 3) and labels (T, H, W) of the first frames."""
    frames = list(islice(source, count))
    folder = davis_annotations(davis, source.name)
    masks = [read_mask(folder / f"{f.name}.png", may_be_empty=True).labels for f in frames]
    return np.stack([image_to_rgb(f.image) for f in frames]), np.stack(masks).astype(np.uint8)


def pasted(onto: Sequence, donor: Sequence, seed: int) -> Sequence:
    """The first random paste in which both objects show well in the first frame."""
    for attempt in range(1000):
        rng = np.random.default_rng((seed, attempt))
        images, labels = paste_moving(rng, onto, donor)
        counts = np.bincount(labels[0].ravel(), minlength=256)
        shown = [n for n in counts[1:255] if n > 800]
        later = np.isin([1, 2], labels[len(labels) // 2])
        if (
            len(shown) == 2
            and later.all()
            and (labels[0] == 1).sum() > 0.5 * (onto[1][0] == 1).sum()
        ):
            return images, labels
    raise SystemExit(f"no paste of pair {seed} shows both objects")


def write(root: Path, name: str, images: np.ndarray, labels: np.ndarray) -> None:
    """One sequence in the DAVIS layout."""
    pictures = root / "JPEGImages" / "480p" / name
    masks = root / "Annotations" / "480p" / name
    pictures.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    for t, (image, label) in enumerate(zip(images, labels, strict=True)):
        data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        (pictures / f"{t:05d}.jpg").write_bytes(data.tobytes())
        picture = Image.fromarray(label)
        picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 200, 200, 0] + [90] * 756)
        picture.save(masks / f"{t:05d}.png")


def write_list(root: Path, name: str, sequences: list[str]) -> None:
    """A set of sequences in the DAVIS layout."""
    (root / "ImageSets").mkdir(exist_ok=True)
    (root / "ImageSets" / f"{name}.txt").write_text("\n".join(sequences) + "\n")


if __name__ == "__main__":
    main()
