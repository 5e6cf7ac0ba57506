"""What any run can be told, and what it tells."""

from propago.methods.first_mask.run import FirstMask
from propago.runs.checkpoints import packages_of
from propago.runs.options import counted


class Elsewhere:
    """A part of another package."""


def test_frames_are_counted_one_by_one_and_by_the_sequence():
    told = []
    count = counted(lambda *said: told.append(said), 7, "evaluating")
    count()
    count(5)
    count()
    assert told == [(1, 7, "evaluating"), (6, 7, "evaluating"), (7, 7, "evaluating")]
    counted(None, 7, "evaluating")()


def test_packages_whose_states_a_checkpoint_may_hold():
    assert packages_of(FirstMask(), None) == ("propago",)
    assert packages_of(Elsewhere(), FirstMask()) == ("propago", __name__.partition(".")[0])
