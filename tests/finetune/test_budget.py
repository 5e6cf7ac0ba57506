import pytest

from propago.errors import UsageError
from propago.finetune.budget import Budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", Budget(seconds=60)),
        ("0.5s", Budget(seconds=0.5)),
        ("5min", Budget(seconds=300)),
        ("1.5 min", Budget(seconds=90)),
        ("300steps", Budget(steps=300)),
        (" 1 step ", Budget(steps=1)),
    ],
)
def test_a_budget_is_read_and_written(text, expected):
    assert Budget.parse(text) == expected
    assert Budget.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "60", "s", "60 hours", "-3s", "1.5steps", "0s", "0steps", "1e3s", "60s5", "9" * 400 + "s"],
)
def test_what_is_no_budget_says_what_is(text):
    with pytest.raises(UsageError, match=r"60s or 5min.*300steps"):
        Budget.parse(text)


@pytest.mark.parametrize("amounts", [{}, {"steps": 3, "seconds": 1.0}])
def test_exactly_one_amount_is_given(amounts):
    with pytest.raises(UsageError, match="one of them"):
        Budget(**amounts)


def test_shares():
    assert Budget(steps=4).spent(1, 100.0) == 0.25
    assert Budget(seconds=8).spent(1000, 2.0) == 0.25
    assert Budget(seconds=8).spent(0, 9.0) == 1
