"""Alpha at the edges of what FEELVOS follows, on composed clips whose true alpha is known.

A person cut out with soft alpha walks over the frames of a DAVIS sequence; the first frame's mask
is given (alpha above a half), and the three frames behind it are measured. Ways were chosen on the
even cut-outs (`--half 0 --set val`); the odd ones are reported.

python benchmarks/matte.py --data ../shared/data
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_gradient_magnitude

from arguments import commit, parser
from propago.components import load_method
from propago.io.davis import open_davis
from propago.io.imread import imread
from propago.ops.image import image_from_rgb, image_to_rgb
from propago.ops.matting import closed_form_alpha
from propago.pipeline import segment_frames
from propago.refinement.spn.run import Spn
from propago.types import Annotation

FRAMES = 4
HEIGHT_PX = 400
SIGMA_PX = 1.4
"""Of the Gaussian whose derivatives are compared (Rhemann et al., CVPR 2009)."""

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, set_name="test", threads=2)
    arguments.add_argument("--half", type=int, choices=(0, 1), default=1, help="of the cut-outs")
    arguments.add_argument("--clips", type=int, default=12)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    frames = list(composed(options.data, options.set, options.half, options.clips))
    print(f"commit {commit()}, {options.clips} clips, {len(frames)} frames of 480p\n")
    print("| alpha | SAD | gradient error | MSE, 1e-4 | CPU s a frame |\n|---|---|---|---|---|")
    for name, way in ways().items():
        began = time.process_time()
        found = [way(frame.rgb, frame.soft) for frame in frames]
        seconds = (time.process_time() - began) / len(frames)
        pairs = zip(found, (frame.alpha for frame in frames), strict=True)
        sad, gradient, mse = np.mean([errors(*pair) for pair in pairs], 0)
        print(f"| {name} | {sad:.2f} | {gradient:.3f} | {mse:.1f} | {seconds:.2f} |", flush=True)


def ways() -> dict[str, Way]:
    """How alpha (H, W) is made of a picture (H, W, 3) and a soft mask (H, W)."""
    spn = Spn.load(device="cpu")

    def sharpened(rgb: np.ndarray, soft: np.ndarray) -> np.ndarray:
        refined = spn.refine(image_from_rgb(rgb.copy()), torch.from_numpy(soft)[None])
        return refined[0].numpy()

    return {
        "soft mask, as before": lambda rgb, soft: soft,
        "mask": lambda rgb, soft: _mask(soft),
        "`--refine spn`": sharpened,
        "guided filter of the soft mask": guided,
        "guided filter of the mask": lambda rgb, soft: guided(rgb, _mask(soft)),
        "colours of the neighbourhood": between_colours,
        "closed form of the soft mask (`--matte`)": closed_form_alpha,
        "closed form of the mask (`--matte`)": lambda r, soft: closed_form_alpha(r, _mask(soft)),
        "closed form behind SPN": lambda r, soft: closed_form_alpha(r, sharpened(r, soft)),
    }


def errors(found: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """Sum of absolute differences and gradient error, both / 1000, and mean square, 1e-4."""
    off = found - true
    slopes = [gaussian_gradient_magnitude(alpha, SIGMA_PX) for alpha in (found, true)]
    gradient = np.square(slopes[0] - slopes[1]).sum()
    return np.abs(off).sum() / 1000, gradient / 1000, np.square(off).mean() * 1e4


def _mask(soft: np.ndarray) -> np.ndarray:
    return (soft > 0.5).astype(np.float32)


def guided(
    rgb: np.ndarray, alpha: np.ndarray, radius_px: int = 4, epsilon: float = 1e-4
) -> np.ndarray:
    """The guided filter of colours (He et al., PAMI 2013, equations 19 to 21)."""
    image, window = rgb.astype(np.float32) / 255, (2 * radius_px + 1, 2 * radius_px + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, window, borderType=cv2.BORDER_REFLECT)

    colour, share = mean(image), mean(alpha)
    both = mean(image * alpha[..., None]) - colour * share[..., None]
    products = [mean(image[..., i : i + 1] * image) for i in range(3)]
    spread = np.stack(products, -2) - colour[..., :, None] * colour[..., None, :]
    slope = np.linalg.solve(spread + epsilon * np.eye(3, dtype=np.float32), both[..., None])[..., 0]
    offset = share - (slope * colour).sum(-1)
    return ((mean(slope) * image).sum(-1) + mean(offset)).clip(0, 1)


def between_colours(rgb: np.ndarray, alpha: np.ndarray, edge_px: int = 3) -> np.ndarray:
    """Where a pixel's colour lies between the mean colours inside and outside, nearby."""
    image, inside = rgb.astype(np.float32) / 255, (alpha > 0.5).astype(np.uint8)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge_px + 1, 2 * edge_px + 1))
    core, beyond = cv2.erode(inside, disk), 1 - cv2.dilate(inside, disk)

    def mean(of: np.ndarray) -> np.ndarray:
        share = cv2.GaussianBlur(of.astype(np.float32), (0, 0), edge_px + 1.0)[..., None]
        total = cv2.GaussianBlur(image * of[..., None], (0, 0), edge_px + 1.0)
        return total / (share + 1e-6)

    there = mean(core) - mean(beyond)
    apart = np.square(there).sum(-1)
    along = ((image - mean(beyond)) * there).sum(-1) / (apart + 1e-6)
    sure = apart / (apart + 0.1)
    mixed = sure * along.clip(0, 1) + (1 - sure) * alpha
    return np.where(core + beyond > 0, core, mixed).astype(np.float32)


@dataclass(frozen=True)
class Composed:
    """A frame behind the first: what is seen, what is true, and what was followed to here.

    Attributes:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) float32 in [0, 1].
        soft: (H, W) float32 in [0, 1], of the method.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    soft: np.ndarray


def composed(data: Path, set_name: str, half: int, clips: int) -> Iterator[Composed]:
    """Frames of clips of the even (`half` 0) or odd cut-outs over the sequences of a set."""
    method = load_method("feelvos")
    sources = open_davis(data / "davis", Path(set_name))
    cutouts = sorted((data / "stills/people_cutouts/rgba").glob("*.png"))[half::2]
    chosen = np.random.default_rng(half).choice(len(cutouts), clips, replace=False)
    for n, index in enumerate(chosen):
        rgba = imread(cutouts[index], cv2.IMREAD_UNCHANGED)
        behind = islice(sources[n % len(sources)], FRAMES)
        frames = [image_to_rgb(frame.image) for frame in behind]
        clip = [over(picture, rgba, t, n) for t, picture in enumerate(frames)]
        first = Annotation((clip[0][1] > 0.5).astype(np.uint8))
        results = segment_frames((rgb for rgb, _ in clip), {0: first}, method)
        for (rgb, alpha), result in list(zip(clip, results, strict=True))[1:]:
            yield Composed(rgb, alpha, result.masks.probabilities[0].numpy(force=True))


def over(picture: np.ndarray, bgra: np.ndarray, t: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the cut-out at time `t` of clip `n`, and its alpha."""
    size = picture.shape[1::-1]
    scale = HEIGHT_PX / bgra.shape[0] * (1 + 0.01 * t)
    x = size[0] * (0.2 + 0.1 * (n % 5)) + (3 + n % 4) * t
    placed = np.array([[scale, 0, x], [0, scale, 30 + 1.7 * t]], np.float32)
    colour = bgra[..., 2::-1].astype(np.float32) * (bgra[..., 3:] / 255)
    planes = np.dstack([colour, bgra[..., 3].astype(np.float32) / 255])
    moved = cv2.warpAffine(planes, placed, size, flags=cv2.INTER_CUBIC)
    alpha = moved[..., 3].clip(0, 1)
    rgb = moved[..., :3] + picture * (1 - alpha[..., None])
    return np.rint(rgb.clip(0, 255)).astype(np.uint8), alpha


if __name__ == "__main__":
    main()
