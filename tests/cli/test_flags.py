from propago.cli.arguments import with_flags
from propago.cli.clean import CleanArguments
from propago.cli.eval import EvalArguments
from propago.cli.refine import RefineArguments
from propago.cli.segment import SegmentArguments


def test_library_words_become_flags():
    said = "`overwrite` deletes them, or choose another `out`; `boxes` and `fit_masks`; `state`"
    assert with_flags(said, SegmentArguments) == (
        "--overwrite deletes them, or choose another --out; --box and --fit-masks; `state`"
    )
    assert with_flags("`masks`", SegmentArguments) == "--masks"
    assert (
        with_flags("`masks`, `margin_px`, `scores`", RefineArguments)
        == "MASKS, --margin-px, --scores"
    )
    assert with_flags("`scores`", CleanArguments) == "--scores"
    assert with_flags("`results`", EvalArguments) == "RESULTS"
