import json

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from propago.training.run_log import RunLog


def write(folder, begin, *steps):
    with RunLog(folder, True, None, begin) as log:
        for step in steps:
            log.write(step, 1.0, {"loss": float(begin)})


def lines(folder):
    found = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [(line["step"], line["loss"]) for line in found]


def test_a_run_gone_on_with_has_every_step_once(tmp_path):
    write(tmp_path, 0, 20, 40, 60)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 8')
    write(tmp_path, 40, 60, 80)
    assert lines(tmp_path) == [(20, 0), (40, 0), (60, 40), (80, 40)]
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == lines(tmp_path)


def test_a_run_begun_again_keeps_nothing(tmp_path):
    write(tmp_path, 0, 20)
    write(tmp_path, 0, 10)
    assert lines(tmp_path) == [(10, 0)]


def test_other_processes_write_nothing(tmp_path):
    with RunLog(tmp_path / "run", False, None, 0) as log:
        log.write(20, 1.0, {"loss": 1.0})
    assert not (tmp_path / "run").exists()


def test_means_since_the_last_line(tmp_path):
    reported = []
    with RunLog(tmp_path, True, reported.append, 0) as log:
        for loss in (1.0, 2.0, 6.0):
            log.gather({"loss": loss})
        log.write(3, 2.04, {"rate": 0.5})
        log.write(3, 2.04, {})
    assert reported == [{"step": 3, "elapsed_s": 2.0, "loss": 3.0, "rate": 0.5}]
