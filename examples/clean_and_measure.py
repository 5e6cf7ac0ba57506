"""Masks of another segmenter, cleaned and measured: what does it gain, and where?

python examples/clean_and_measure.py MASKS GROUND_TRUTH OUT
"""

import sys
from pathlib import Path

import propago


def main() -> None:
    """Take away what jumps about; J&F before and after, and a page that shows both."""
    masks, truth, out = map(Path, sys.argv[1:])
    settings = propago.CrafSettings(islands_px=50)
    cleaned = propago.clean(masks, out=out / "cleaned", settings=settings)
    before = propago.evaluate(masks, truth)
    after = propago.evaluate(cleaned.masks, truth)
    print(f"J&F {before.figures['J&F']:.3f} -> {after.figures['J&F']:.3f}")
    print(propago.write_report(out / "report.html", {"as it came": before, "cleaned": after}))


if __name__ == "__main__":
    main()
