from collections.abc import Callable, Iterable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from calib.face import Floats
from calib.phantom import PhantomFace
from engines.meflownet import evaluation
from engines.meflownet.data import Pair, PairMaker, Person
from engines.meflownet.evaluation import bench_like, errors, from_guesses, from_nothing, held_out_table
from engines.meflownet.follower import Follower
from engines.meflownet.memory import Batch
from tests.engines.networks import network

Flows = tuple[Tensor, Tensor, list[Tensor]]


class Told(nn.Module):
    """A network that answers as it was told to, one pair after the other."""

    def __init__(self, answers: Callable[[int], Flows]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.answers, self.asked = answers, 0

    def forward(self, first: Tensor, second: Tensor) -> Flows:
        assert first.shape == second.shape == (1, 3, 256, 256)
        self.asked += 1
        return self.answers(self.asked - 1)


def planes(flow: Floats) -> Tensor:
    return torch.from_numpy(flow).permute(2, 0, 1)[None]


def still(_: int = 0) -> Flows:
    return torch.zeros(1, 2, 256, 256), torch.zeros(1, 2, 256, 256), []


def measured(net: Told, pairs: list[Pair]) -> tuple[float, float, float]:
    batches = (Batch.of(pair, torch.device("cpu")) for pair in pairs)
    found: tuple[float, float, float] = errors(from_nothing(net), batches)  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def person(portrait: PhantomFace) -> Person:
    return Person("collins", portrait.photo, portrait.landmarks)


@pytest.fixture(scope="module")
def pairs(person: Person) -> list[Pair]:
    maker = PairMaker([person], bench_like(2.0), seed=1)
    return [maker.pair(number) for number in range(3)]


def test_a_network_that_knows_the_truth_has_no_error(pairs: list[Pair]) -> None:
    net = Told(lambda n: (planes(pairs[n].facial), planes(pairs[n].head), []))
    assert measured(net, pairs) == (0, 0, 0)
    assert net.asked == len(pairs)


def test_offsets_are_told_apart(pairs: list[Pair]) -> None:
    """Face off by (3, 4) px, head by (0, 4): the expression is off by (3, 0)."""
    face, head = np.array([3, 4], np.float32), np.array([0, 4], np.float32)
    net = Told(lambda n: (planes(pairs[n].facial + face), planes(pairs[n].head + head), []))
    assert measured(net, pairs) == pytest.approx((5, 4, 3), rel=1e-4)  # type: ignore[arg-type]


def test_without_an_answer_the_error_is_how_far_the_face_moved(pairs: list[Pair]) -> None:
    wanted = np.mean([np.hypot(*p.facial[p.valid].T).mean() for p in pairs])
    assert measured(Told(still), pairs)[0] == pytest.approx(wanted, rel=1e-4)  # type: ignore[arg-type]


def test_pairs_for_the_table_have_the_movement_and_the_noise_asked_for(person: Person) -> None:
    quiet, loud = (PairMaker([person], bench_like(noise, (1, 2)), seed=2) for noise in (0.7, 4.0))
    for number in range(3):
        a, b = quiet.pair(number), loud.pair(number)
        expression = a.facial - a.head
        assert 0.3 < np.hypot(*expression.transpose(2, 0, 1)).max() < 2.2
        assert np.array_equal(a.facial, b.facial)
        rough = [np.abs(np.diff(p.first[40:70, 100:150].astype(float), 2, axis=1)).mean() for p in (a, b)]
        assert rough[1] > 1.25 * rough[0]
    unmoved = PairMaker([person], bench_like(2.0, still=1.0)).pair(0)
    assert np.array_equal(unmoved.facial, unmoved.head)


def test_the_table_tells_how_far_off_a_network_is(person: Person) -> None:
    """One that finds half of the head's motion: the other half is wrong."""
    pair = PairMaker([person], bench_like(0.7), seed=3).pair(0)
    half = planes(pair.head / 2)
    net = Told(lambda n: (half, half, []))
    lines = held_out_table(net, [person], seed=3, pairs=1).splitlines()  # type: ignore[arg-type]
    _, head_px, expression_px = (float(cell) for cell in lines[2].strip("|").split("|")[1:])
    moved = (np.linalg.norm(flow, axis=-1)[pair.valid].mean() for flow in (pair.head / 2, pair.facial - pair.head))
    assert [head_px, expression_px] == pytest.approx(list(moved), abs=0.002)
    assert net.asked == len(lines[2:])


@pytest.mark.parametrize("follows", [False, True])
def test_the_table_has_a_row_for_every_kind_of_pair(
    person: Person, monkeypatch: pytest.MonkeyPatch, follows: bool
) -> None:
    seen: list[float] = []

    def remembered(measure: object, batches: Iterable[Batch]) -> tuple[float, float, float]:
        seen.append(max(float((b.facial - b.head).abs().max()) for b in batches))
        return 0.1, 0.25, seen[-1]

    monkeypatch.setattr(evaluation, "errors", remembered)
    net = network()
    follower = Follower(net) if follows else None
    lines = held_out_table(net, [person], seed=0, pairs=1, follower=follower).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert len(rows) == len(seen) == len({name for name, *_ in rows}) >= 5
    for place, row in enumerate(rows):
        assert row[1:3] == ["0.100", "0.250"]
        assert row[0].endswith("from a guess") == (follows and bool(place % 2))
    size = {name: float(expression) for name, *_, expression in rows}
    assert size["σ 2, no expression"] == 0
    assert size["σ 2, 0.1–0.4 px"] < 0.4 < size["σ 2, 2.5–4 px"] < 4 < size["σ 2, 4–15 px"]


def test_the_same_guesses_are_made_every_time_and_leave_chance_alone(pairs: list[Pair]) -> None:
    net, batches = network(), [Batch.of(pair, torch.device("cpu")) for pair in pairs[:2]]
    torch.manual_seed(1)
    measured = [errors(from_guesses(net, Follower(net), seed), batches) for seed in (5, 5, 6)]
    after = torch.rand(1)
    assert measured[0] == measured[1] != measured[2]
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
