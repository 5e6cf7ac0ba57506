import pytest

from propago.errors import OutputError, UsageError
from propago.runs.output_folder import OutputFolder


@pytest.fixture
def output(tmp_path):
    """A folder with results and a file of the user's."""
    output = OutputFolder(tmp_path / "out")
    output.make(output.masks)
    (output.masks / "0.png").write_text("mask")
    (output.root / "notes.txt").write_text("mine")
    output.write_record({"status": "running"})
    return output


def test_every_kind_of_result_is_refused_and_cleared_and_nothing_else(tmp_path):
    for result in OutputFolder(tmp_path / "none").results:
        output = OutputFolder(tmp_path / result.name)
        output.make()
        path = output.root / result.name
        path.write_text("x")
        (output.root / "mine").write_text("x")
        with pytest.raises(UsageError, match=rf"already holds results \({result.name}\)"):
            output.refuse()
        output.refuse(overwrite=True)
        output.clear()
        assert [p.name for p in output.root.iterdir()] == ["mine"]


def test_empty_folders_are_no_results(tmp_path):
    output = OutputFolder(tmp_path)
    output.make(output.masks, output.scores)
    output.refuse()


def test_resume_is_offered_where_a_run_left_its_record(output, tmp_path):
    with pytest.raises(UsageError, match="`overwrite` deletes them, `resume` goes on"):
        output.refuse()
    output.refuse(resume=True)
    output.record.unlink()
    with pytest.raises(UsageError, match="`overwrite` deletes them, or choose"):
        output.refuse()


def test_inputs_among_the_results_are_never_lost(output):
    with pytest.raises(UsageError, match=r"0\.png, which is read, lies among"):
        output.refuse([output.masks / "0.png"], overwrite=True)
    output.refuse([output.root / "notes.txt"], overwrite=True)


def test_a_damaged_record_is_named(output):
    assert output.read_record() == {"status": "running"}
    output.record.write_text("{")
    with pytest.raises(OutputError, match=r"run\.json is damaged.*`overwrite`"):
        output.read_record()


@pytest.mark.parametrize(
    "record",
    [
        [],
        {"inputs": 3},
        {"inputs": {"given": {"first": "a"}}},
        {"inputs": {"given": [1]}},
        {"status": "done"},
        {"status": "done", "timings": {"seconds": "x", "frames_per_s": 1}},
    ],
)
def test_a_record_of_another_form_is_damaged(output, record):
    output.write_record(record)
    with pytest.raises(OutputError, match=r"run\.json is damaged.*`overwrite`"):
        output.read_record()
