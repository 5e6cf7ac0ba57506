from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import save_file

from propago.errors import OutputError
from propago.io.checkpoint import CheckpointError, load_state, save_state
from propago.types import Annotation

HERE = (__name__.partition(".")[0], "propago")


@dataclass(frozen=True)
class Memory:
    keys: torch.Tensor
    scale: float = 1.0


@dataclass(frozen=True)
class State:
    name: str
    frame: int
    memory: tuple[Memory, ...] = ()
    by_object: dict = field(default_factory=dict)
    previous: torch.Tensor | None = None


@dataclass
class Thawed:
    x: int = 0


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__
        )
    return type(a) is type(b) and a == b


def round_trip(tmp_path, state):
    save_state(tmp_path / "s.safetensors", state)
    return load_state(tmp_path / "s.safetensors", HERE)


def test_a_nested_state_comes_back_bit_for_bit(tmp_path):
    features = torch.randn(1, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    state = State(
        "feelvos",
        41,
        memory=(Memory(features, 0.1), Memory(torch.randn(7, 3).T.half(), float("inf"))),
        by_object={7: (torch.arange(3), None), 2: {"conv.weight": torch.randn(2, 2).bfloat16()}},
        previous=torch.randn(6, 8)[1:4, ::2],
    )
    back = round_trip(tmp_path, state)
    assert back.memory[0].keys.is_contiguous(memory_format=torch.channels_last)
    assert back.previous.equal(state.previous)
    assert same(back.memory, state.memory)
    assert same(back.by_object, state.by_object)
    assert (back.name, back.frame) == ("feelvos", 41)


def test_given_masks_are_part_of_a_state(tmp_path):
    labels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    back = round_trip(tmp_path, {3: Annotation(labels, frozenset({5, 2}))})
    assert same(back[3].labels, labels)
    assert back[3].ended == frozenset({2, 5})


def test_tensors_that_share_memory_and_empty_ones_are_kept(tmp_path):
    x = torch.randn(4, 4)
    state = (x, x, x[1], torch.zeros(0, 3, 3), torch.tensor(2.5), torch.tensor([True, False]))
    assert same(round_trip(tmp_path, state), state)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3)
        | st.builds(State, name=st.text(max_size=3), frame=st.integers(), previous=inner)
    ),
    max_leaves=8,
)


@given(state=plain)
@settings(max_examples=40, deadline=None)
def test_any_plain_state_round_trips(tmp_path_factory, state):
    assert same(round_trip(tmp_path_factory.getbasetemp(), state), state)


@pytest.mark.parametrize("bad", [[1], {1, 2}, object(), {(1, 2): 3}, {True: 1}, Thawed()])
def test_what_is_no_value_is_refused(tmp_path, bad):
    with pytest.raises(CheckpointError):
        save_state(tmp_path / "s", (1, bad))
    assert list(tmp_path.iterdir()) == []


def test_a_local_class_is_refused(tmp_path):
    @dataclass(frozen=True)
    class Local:
        x: int = 0

    with pytest.raises(CheckpointError, match="top of its module"):
        save_state(tmp_path / "s", Local())


def test_every_flipped_byte_and_every_cut_is_noticed(tmp_path):
    path = tmp_path / "s"
    save_state(path, State("a", 1, previous=torch.randn(3, 5)))
    whole = path.read_bytes()
    for at in (*range(0, len(whole), 7), len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        with pytest.raises(CheckpointError, match=path.name):
            load_state(path, HERE)
    for size in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="not a readable checkpoint"):
            load_state(path, HERE)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors"):
        load_state(tmp_path / "nowhere.safetensors")
    save_file({"w": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match="not a checkpoint of this version"):
        load_state(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    "name", ["os:system", "propago.types:Nothing", "propago.errors:PropagoError"]
)
def test_only_dataclasses_of_known_packages_are_made(tmp_path, monkeypatch, name):
    monkeypatch.setattr("propago.io.checkpoint._pack", lambda *_: {"class": name, "fields": {}})
    save_state(tmp_path / "s", 0)
    with pytest.raises(CheckpointError, match=name):
        load_state(tmp_path / "s")


def test_a_failed_write_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "s"
    save_state(path, (1, 2))

    def full(*_):
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("propago.io.checkpoint.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        save_state(path, (3, 4))
    assert load_state(path) == (1, 2)
    assert list(tmp_path.iterdir()) == [path]
