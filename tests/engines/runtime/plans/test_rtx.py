"""TensorRT for RTX reads and compiles our graphs without a GPU: where the package is installed, this is the proof."""

import pytest

pytest.importorskip("tensorrt_rtx")
pytest.importorskip("onnx")

from engines.runtime.interface import EngineError
from engines.runtime.plans.builder import build, prepared, serialised
from engines.runtime.plans.graph import Precision
from engines.runtime.plans.library import open_library
from engines.runtime.weights import Weights

pytestmark = pytest.mark.timeout(900)  # a busy machine compiles a matcher for minutes


FOLLOWED = {("fp32", "8.6"), ("fp16", "12.0")}
"""Where the follower is compiled too: it takes most of a minute; for int8 it is as for fp16."""


def silent(what: str, share: float) -> None:
    """Nobody looks."""


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, bytes]]:
    """The prepared graphs by precision."""
    return {}


@pytest.mark.parametrize("capability", ["8.6", "12.0"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_network_compiles(
    made: dict[str, dict[str, bytes]], precision: Precision, capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.runtime.plans.builder._PAIRS", 2)
    library = open_library("tensorrt_rtx")
    if precision not in made:
        made[precision] = prepared(Weights(), precision, 1)
    for name, content in made[precision].items():
        if name == "follower" and (precision, capability) not in FOLLOWED:
            continue
        assert len(serialised(library, capability, content, name, silent)) > 100_000


def test_several_pairs_at_once_compile_in_a_process_of_their_own() -> None:
    told: list[float] = []
    library = open_library("tensorrt_rtx")
    encoder = {"encoder": prepared(Weights(), "fp16", 4)["encoder"]}
    assert set(build(library, "8.9", encoder, lambda what, share: told.append(share))) == {"encoder"}
    assert max(told) > 0.5


def test_a_capability_that_is_not_listed_is_refused() -> None:
    library = open_library("tensorrt_rtx")
    assert "9.0" not in library.capabilities()
    with pytest.raises(EngineError, match=r"does not build for 9\.0"):
        build(library, "9.0", prepared(Weights(), "fp16", 1), silent)


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_what_is_no_graph_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(EngineError, match=r"tensorrt_rtx .* cannot (read|build) the encoder: .") as refused:
        serialised(open_library("tensorrt_rtx"), "8.6", content, "encoder", silent)
    assert len(str(refused.value).splitlines()) == 1
