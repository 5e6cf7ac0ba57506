"""Arrays where a file or folder is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import propago

STACK: Any = np.ones((3, 20, 30), np.uint8)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda _: propago.evaluate(STACK, STACK), "results"),
        (lambda there: propago.evaluate(there, STACK), "gt"),
        (lambda _: propago.clean(STACK), "masks"),
        (lambda _: propago.clean_many(STACK), "masks"),
        (lambda there: propago.refine_masks(there, STACK), "masks"),
        (lambda there: propago.convert(STACK, there), "masks"),
        (lambda there: propago.convert(there, STACK), "out"),
        (lambda _: propago.doctor(STACK), "folder"),
    ],
)
def test_an_array_in_place_of_a_folder_is_named(
    call: Callable[[Path], object], argument: str, tmp_path: Path
) -> None:
    with pytest.raises(
        propago.UsageError, match=rf"`{argument}` is a file.*ndarray \(3, 20, 30\)"
    ) as caught:
        call(tmp_path)
    assert ("write_mask" in str(caught.value)) == (argument in ("results", "gt", "masks"))
