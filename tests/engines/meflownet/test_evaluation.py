from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from calib.face import Floats
from calib.phantom import PhantomFace
from engines.meflownet import evaluation
from engines.meflownet.data import Pair, PairMaker, Person
from engines.meflownet.evaluation import bench_like, errors, held_out_table

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


@pytest.fixture(scope="module")
def person(portrait: PhantomFace) -> Person:
    return Person("collins", portrait.photo, portrait.landmarks)


@pytest.fixture(scope="module")
def pairs(person: Person) -> list[Pair]:
    maker = PairMaker([person], bench_like(2.0), seed=1)
    return [maker.pair(number) for number in range(3)]


def test_a_network_that_knows_the_truth_has_no_error(pairs: list[Pair]) -> None:
    net = Told(lambda n: (planes(pairs[n].facial), planes(pairs[n].head), []))
    assert errors(net, pairs) == (0, 0, 0)  # type: ignore[arg-type]
    assert net.asked == len(pairs)


def test_offsets_are_told_apart(pairs: list[Pair]) -> None:
    """Face off by (3, 4) px, head by (0, 4): the expression is off by (3, 0)."""
    face, head = np.array([3, 4], np.float32), np.array([0, 4], np.float32)
    net = Told(lambda n: (planes(pairs[n].facial + face), planes(pairs[n].head + head), []))
    assert errors(net, pairs) == pytest.approx((5, 4, 3), rel=1e-4)  # type: ignore[arg-type]


def test_without_an_answer_the_error_is_how_far_the_face_moved(pairs: list[Pair]) -> None:
    wanted = np.mean([np.hypot(*p.facial[p.valid].T).mean() for p in pairs])
    assert errors(Told(still), pairs)[0] == pytest.approx(wanted, rel=1e-4)  # type: ignore[arg-type]


def test_the_second_pass_is_measured_on_what_the_first_one_left(pairs: list[Pair]) -> None:
    """A first pass that finds half of the head's motion and a second that finds nothing: the other half is wrong."""
    pair = pairs[0]
    half = planes(pair.head / 2)
    answers: list[Flows] = [(half, half, []), (-half, -half, []), still()]
    net = Told(lambda n: answers[n])
    wanted = np.linalg.norm(pair.head / 2, axis=-1)[pair.valid].mean()
    assert errors(net, [pair], twice=True)[1] == pytest.approx(wanted, rel=0.01)  # type: ignore[arg-type]
    assert net.asked == 3


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


def test_the_table_has_a_row_for_every_kind_of_pair(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = []

    def remembered(net: nn.Module, pairs: list[Pair], twice: bool) -> tuple[float, float, float]:
        configs.append(pairs)
        return 0.2 if twice else 0.1, 0.25, float(max(np.abs(p.facial - p.head).max() for p in pairs))

    monkeypatch.setattr(evaluation, "errors", remembered)
    lines = held_out_table(Told(still), [person], seed=0, pairs=1).splitlines()  # type: ignore[arg-type]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert len(rows) == len(configs) == len({name for name, *_ in rows}) >= 5
    for place, row in enumerate(rows):
        assert row[1:3] == ["0.200" if place % 2 else "0.100", "0.250"]
        assert row[0].endswith("second pass") == bool(place % 2)
    size = {name: float(expression) for name, *_, expression in rows}
    assert size["σ 2, no expression"] == 0
    assert size["σ 2, 0.1–0.4 px"] < 0.4 < size["σ 2, 2.5–4 px"] < 4 < size["σ 2, 4–15 px"]
