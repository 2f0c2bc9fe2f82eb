import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from rich.console import Console

from calib.face import CROP
from calib.phantom import PhantomFace
from engines.meflownet import train
from engines.meflownet.data import Pair, PairConfig, Person
from engines.meflownet.follower import Follower
from engines.meflownet.train import Run, TrainConfig
from tests.engines.networks import network

QUICK = TrainConfig(minutes=1e-9, batch=2, fresh=1, check_minutes=0)
"""One step: it takes longer than these minutes."""


class Shifts:
    """Stands in for a `PairMaker`: textures that move as a whole, pair n by (n, 1) px, made in no time."""

    asked: list[int]

    def __init__(self, people: Sequence[Person], config: PairConfig, shapes: object = None, seed: int = 0) -> None:
        self.seed, self.asked = seed, []

    def pair(self, number: int) -> Pair:
        self.asked.append(number)
        rough = np.random.default_rng([self.seed, number]).integers(0, 256, (CROP, CROP, 3), np.uint8)
        flow = np.zeros((CROP, CROP, 2), np.float32)
        flow[:] = (number % 5, 1)
        second = np.roll(rough, (1, number % 5), (0, 1))
        return Pair(rough, second, flow, flow, np.ones((CROP, CROP), bool), str(number))


@pytest.fixture(scope="module")
def people(portrait: PhantomFace) -> list[Person]:
    """Names of which one is held out."""
    return [Person(f"p{n}", portrait.photo, portrait.landmarks) for n in range(4)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "PairMaker", Shifts)
    monkeypatch.setattr(train, "errors", lambda net, pairs: (0.3, 0.2, 0.1))


@pytest.fixture(scope="module")
def begun(people: list[Person], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has made one step."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "PairMaker", Shifts)
        patch.setattr(train, "errors", lambda net, pairs: (0.3, 0.2, 0.1))
        Run(QUICK, people, None, folder).train(0, Console(quiet=True))
    return folder


@pytest.fixture
def stopped(begun: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def test_a_run_leaves_a_checkpoint_the_weights_and_a_line_of_the_curve(begun: Path) -> None:
    weights = torch.load(begun / "weights.pt", weights_only=True)
    assert (weights["size"], weights["step"]) == ("s", 1)
    assert torch.load(begun / "checkpoint.pt", weights_only=True)["config"]["batch"] == 2
    (line,) = csv.DictReader((begun / "curve.csv").read_text().splitlines())
    assert line["step"] == "1"
    assert float(line["loss"]) > 0
    assert [line[f"{part}_px"] for part in ("facial", "head", "expression")] == ["0.3000", "0.2000", "0.1000"]
    assert sorted(f.name for f in begun.iterdir()) == ["checkpoint.pt", "curve.csv", "weights.pt"]


def test_a_stopped_run_goes_on_where_it_stopped(stopped: Path, people: list[Person]) -> None:
    state = torch.load(stopped / "checkpoint.pt", weights_only=True)
    run = Run(replace(QUICK, minutes=state["spent_s"] / 60 + 1e-9), people, None, stopped)
    assert (run.learner.step, run.spent_s) == (1, state["spent_s"])
    weights = torch.load(stopped / "weights.pt", weights_only=True)["weights"]
    assert all(torch.equal(w, weights[name]) for name, w in run.averaged()[0].state_dict().items())
    run.train(0, Console(quiet=True))
    assert run.learner.step == 2
    assert run.maker.asked == [1]  # type: ignore[attr-defined]
    assert len((stopped / "curve.csv").read_text().splitlines()) == 3
    assert torch.load(stopped / "weights.pt", weights_only=True)["step"] == 2


def test_a_run_whose_time_is_spent_does_nothing_more(stopped: Path, people: list[Person]) -> None:
    run = Run(QUICK, people, None, stopped)
    run.train(0, Console(quiet=True))
    assert run.learner.step == 1


def test_the_seed_decides_weights_and_pairs(people: list[Person], tmp_path: Path) -> None:
    one, same, other = (Run(replace(QUICK, seed=seed), people, None, tmp_path) for seed in (1, 1, 2))
    assert np.array_equal(one.maker.pair(0).first, same.maker.pair(0).first)
    assert not np.array_equal(one.maker.pair(0).first, other.maker.pair(0).first)
    first, again, different = (run.learner.net.encoder.to_half.weight for run in (one, same, other))
    assert torch.equal(first, again)
    assert not torch.equal(first, different)
    assert not np.array_equal(one.maker.pair(0).first, one.checks[0].first)


def test_people_held_out_are_not_trained_on(people: list[Person], tmp_path: Path) -> None:
    assert [p.name for p in Run(QUICK, people, None, tmp_path).held_out] == ["p2"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"size": "x"}, "no size 'x'; there are: s, b"), ({"batch": 1, "fresh": 2}, "2 fresh pairs in a batch of 1"),
     ({"fresh": 0}, "0 fresh pairs"), ({"follow": True}, "give its weights")],
)  # fmt: skip
def test_a_config_that_makes_no_run_is_refused(
    people: list[Person], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Run(replace(QUICK, **changes), people, None, tmp_path)  # type: ignore[arg-type]


def test_a_checkpoint_of_something_else_is_named(people: list[Person], stopped: Path) -> None:
    with pytest.raises(ValueError, match=r"checkpoint\.pt: not a checkpoint of a run of size b"):
        Run(replace(QUICK, size="b"), people, None, stopped)
    (stopped / "checkpoint.pt").write_bytes(b"torn off")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: not a checkpoint"):
        Run(QUICK, people, None, stopped)


def test_a_run_begins_from_given_weights_where_they_fit(people: list[Person], tmp_path: Path) -> None:
    plain = Run(QUICK, people, None, tmp_path).learner.net.state_dict()
    given = {"encoder.to_half.weight": 2 * plain["encoder.to_half.weight"].numpy(), "matcher.head.ridge": np.ones(7)}
    np.savez(tmp_path / "given.npz", **given)
    begun = Run(QUICK, people, None, tmp_path, tmp_path / "given.npz").learner.net.state_dict()
    assert np.array_equal(begun["encoder.to_half.weight"].numpy(), given["encoder.to_half.weight"])
    assert all(torch.equal(w, plain[name]) for name, w in begun.items() if name != "encoder.to_half.weight")


@pytest.mark.parametrize("ending", ["npz", "pt"])
def test_a_follower_learns_to_follow_given_weights_which_stay(
    people: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    measured: list[object] = []

    def errors(measure: object, batches: object) -> tuple[float, float, float]:
        measured.append(measure)
        return 0.3, 0.2, 0.1

    monkeypatch.setattr(train, "errors", errors)
    given = network(seed=4).state_dict()
    start = tmp_path / f"given.{ending}"
    if ending == "npz":
        np.savez(start, **{name: weight.numpy() for name, weight in given.items()})
    else:
        torch.save({"size": "s", "weights": given, "step": 3}, start)
    run = Run(replace(QUICK, follow=True), people, None, tmp_path, start)
    run.train(0, Console(quiet=True))
    run.save()
    net, follower = run.averaged()
    assert all(torch.equal(weight, given[name]) for name, weight in net.state_dict().items())
    assert follower is not None
    kept = torch.load(tmp_path / "follower.pt", weights_only=True)
    assert (kept["size"], kept["step"]) == ("s", 1)
    assert all(torch.equal(weight, kept["weights"][name]) for name, weight in follower.state_dict().items())
    before = Follower(net).state_dict()
    changed = {
        name.split(".")[0] for name, weight in follower.state_dict().items() if not torch.equal(weight, before[name])
    }
    assert changed == {"refiner", "cleaner"}
    assert len(measured) == 1
    assert not (tmp_path / "weights.pt").exists()


@pytest.mark.parametrize("content", ["none", "foreign", "garbage"])
def test_weights_that_make_no_beginning_are_named(people: list[Person], tmp_path: Path, content: str) -> None:
    if content == "foreign":
        np.savez(tmp_path / "given.npz", other=np.ones(3))
    elif content == "garbage":
        (tmp_path / "given.npz").write_bytes(b"garbage")
    with pytest.raises(ValueError, match=r"given\.npz: (not the weights|no weights of this network)"):
        Run(QUICK, people, None, tmp_path, tmp_path / "given.npz")


@pytest.fixture
def command(people: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on these people, with a table at the end that takes no time."""
    monkeypatch.setattr(train, "load_people", lambda _: people)
    monkeypatch.setattr(train, "held_out_table", lambda net, people, seed, follower: f"| {people[0].name} | {seed} |\n")


@pytest.mark.usefixtures("command")
def test_the_command_trains_and_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.app([str(tmp_path), "--out", str(tmp_path / "new" / "run"), "--minutes", "1e-9", "--batch", "1",
                   "--fresh", "1", "--seed", "7", "--workers", "0", "--threads", "1"])  # fmt: skip
    assert ended.value.code in (0, None)
    folder = tmp_path / "new" / "run"
    assert (folder / "held_out.md").read_text() == "| p2 | 9 |\n"
    assert torch.load(folder / "weights.pt", weights_only=True)["step"] == 1
    assert "from step 0" in capsys.readouterr().out


@pytest.mark.usefixtures("command")
def test_ctrl_c_keeps_what_was_learned(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(run: Run, workers: int, console: Console) -> None:
        run.learner.step = 5
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "train", interrupted)
    with pytest.raises(SystemExit) as ended:
        train.train([stopped], out=stopped, workers=0, threads=1, config=QUICK)
    assert ended.value.code == 130
    assert torch.load(stopped / "weights.pt", weights_only=True)["step"] == 5
    assert not (stopped / "held_out.md").exists()
    assert "stopped at step 5" in capsys.readouterr().out


def test_a_missing_folder_of_photos_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.app([str(tmp_path / "nowhere"), "--out", str(tmp_path / "run"), "--threads", "1"])
    assert ended.value.code == 2
    out = "".join(capsys.readouterr().out.split())  # a terminal's lines are broken anywhere
    assert out.startswith("error:")
    assert "nowhere:nosuchfolder" in out
