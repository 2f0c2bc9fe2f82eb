import dataclasses
from pathlib import Path
from typing import Any

import pytest

from engines.runtime.plans.store import PlanError, PlanSpec, PlanStore

SPEC = PlanSpec("a" * 64, "tensorrt", "10.9.0", "NVIDIA L4", "8.9", "fp16")
PARTS = {"encoder": b"first\nplan", "matcher": bytes(range(256)) * 40}
OTHER: dict[str, Any] = {
    "graphs": "c" * 64, "library": "tensorrt_rtx", "version": "11.0.0", "gpu": "NVIDIA A10",
    "capability": "8.6", "precision": "int8", "batch": 4, "recipe": 0,
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> PlanStore:
    return PlanStore(tmp_path / "plans")


def test_a_plan_comes_back_as_it_was_kept(store: PlanStore) -> None:
    path = store.save(SPEC, PARTS)
    assert path == store.path(SPEC)
    assert store.load(SPEC) == PARTS
    assert [p.name for p in store.folder.iterdir()] == [path.name]
    assert list(store) == [(path, SPEC)]


def test_the_key_depends_on_everything() -> None:
    assert set(OTHER) == {field.name for field in dataclasses.fields(PlanSpec)}
    keys = {SPEC.key} | {dataclasses.replace(SPEC, **{name: value}).key for name, value in OTHER.items()}
    assert len(keys) == 1 + len(OTHER)
    assert dataclasses.replace(SPEC).key == SPEC.key


@pytest.mark.parametrize("name", OTHER)
def test_what_was_made_for_something_else_is_refused_and_told(store: PlanStore, name: str) -> None:
    """Even where it lies under the right key."""
    other = dataclasses.replace(SPEC, **{name: OTHER[name]})
    store.save(other, PARTS).rename(store.path(SPEC))
    told = {"graphs": "other weights", "recipe": "another release"}
    with pytest.raises(PlanError, match=told.get(name, f"{name} {OTHER[name]} instead of {getattr(SPEC, name)}")):
        store.load(SPEC)
    assert list(store) == []
    assert store.batches(SPEC) == []


def test_without_one_it_is_told_for_which_gpu(store: PlanStore) -> None:
    with pytest.raises(PlanError, match=r"no TensorRT plan for NVIDIA L4 yet \(fp16, batch 1\)"):
        store.load(SPEC)
    assert list(store) == []


@pytest.mark.parametrize(
    "damage",
    [lambda c: b"", lambda c: c[:10], lambda c: c[:-1], lambda c: c[:-1] + bytes([c[-1] ^ 1]), lambda c: b"x" + c,
     lambda c: c.replace(b'"spec"', b'"spok"'), lambda c: c.replace(b'"batch"', b'"botch"')],
    ids=["empty", "cut", "short", "flipped", "shifted", "no spec", "other field"],
)  # fmt: skip
def test_a_damaged_plan_is_refused_with_its_path(store: PlanStore, damage: Any) -> None:
    path = store.save(SPEC, PARTS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PlanError, match=f"{path.name}: (not a plan|damaged)"):
        store.load(SPEC)


def test_batches_are_those_of_plans_that_differ_in_nothing_else(store: PlanStore) -> None:
    for batch in (8, 1, 3):
        store.save(dataclasses.replace(SPEC, batch=batch), PARTS)
    store.save(dataclasses.replace(SPEC, batch=16, precision="int8"), PARTS)
    (store.folder / "junk.plan").write_bytes(b"junk")
    assert store.batches(SPEC) == [1, 3, 8]
    assert store.batches(dataclasses.replace(SPEC, batch=64)) == [1, 3, 8]


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        PlanStore(tmp_path / "file").save(SPEC, PARTS)


def test_plans_lie_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PlanStore().folder == tmp_path / "mellm-live" / "plans"
