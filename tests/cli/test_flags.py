from propago.cli import clean, eval, refine, segment
from propago.cli.arguments import with_flags


def test_library_words_become_flags():
    said = "`overwrite` deletes them, or choose another `out`; `boxes` and `fit_masks`; `state`"
    assert with_flags(said, segment) == (
        "--overwrite deletes them, or choose another --out; --box and --fit-masks; `state`"
    )
    assert with_flags("`masks`", segment) == "--masks"
    assert with_flags("`masks`, `margin_px`, `scores`", refine) == "MASKS, --margin-px, --scores"
    assert with_flags("`scores`", clean) == "--scores"
    assert with_flags("`results`", eval) == "RESULTS"
