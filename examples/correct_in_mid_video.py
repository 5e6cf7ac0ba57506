"""A correction in the middle of a video: only the frames from there on are computed again.

python examples/correct_in_mid_video.py VIDEO first_mask.png 30 mask_of_frame_30.png OUT
"""

import sys
from pathlib import Path

import propago


def main() -> None:
    """Follow, go back behind the frame before the mistake, follow again with the correction."""
    video, first, wrong, corrected, out = sys.argv[1:]
    frames = list(propago.open_source(video))
    masks = {0: propago.read_mask(Path(first)).labels}
    session = propago.Session("feelvos")
    results = [session.step(frame, masks.get(frame.index)) for frame in frames]

    before = results[int(wrong) - 1]  # a person looked at the results here
    assert before
    session.rewind(before.checkpoint)
    masks = {int(wrong): propago.read_mask(Path(corrected)).labels}
    results[int(wrong) :] = [session.step(f, masks.get(f.index)) for f in frames[int(wrong) :]]

    Path(out).mkdir(parents=True)
    for result in results:
        if result:
            propago.write_mask(Path(out) / f"{result.frame.name}.png", result.labels)


if __name__ == "__main__":
    main()
