"""Under which licence the weights of a run may be used."""

import sys
from collections.abc import Mapping


def say_licence(description: Mapping[str, str]) -> None:
    """Print weights and licence to stderr; nothing where `description` tells of no weights."""
    if licence := description.get("weights_licence"):
        print(f"weights: {description['weights']}, licence {licence}", file=sys.stderr)
