"""`python -m engines.meflownet.export`: turn a run's weights into the files that ship, and check them.

Written are the encoder, the matcher and its follower as ONNX, the matcher also with int8 convolutions, the weights as
plain arrays for torch, a reference answer that every backend is held against, and a manifest with everything's SHA-256.
"""

import hashlib
import io
import json
import pickle
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import torch
from cyclopts import App, Parameter
from rich.console import Console
from torch import Tensor, nn

from calib.face import CROP, Floats
from calib.int8 import Crop, calibration_pairs
from calib.phantom import portrait
from engines.grid import CELLS
from engines.meflownet.follower import GIVEN, Follower
from engines.meflownet.model import SIZES, Features, MEFlowNet
from engines.meflownet.quantise import quantised
from engines.runtime.weights import MANIFEST

app = App(name="engines.meflownet.export", help_format="plaintext")

OPSET = 17
FEATURES = Features._fields
OF_FIRST, OF_SECOND = FEATURES[1:], FEATURES[:3]
"""The features that the matcher reads of the first and of the second crop."""


class EncoderGraph(nn.Module):
    """The encoder as it is exported: a crop (1, 256, 256, 3) uint8 RGB in, features out."""

    def __init__(self, net: MEFlowNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, crop: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return self.net.encode(crop.float().permute(0, 3, 1, 2))


class MatcherGraph(nn.Module):
    """The matcher as it is exported: features in, facial and head flow (1, 64, 64, 2) px out, on the grid of 4 px."""

    def __init__(self, net: MEFlowNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, *features: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        of_first, of_second = features[: len(OF_FIRST)], features[len(OF_FIRST) :]
        # What the matcher does not read of a crop is filled with the other's.
        first, second = Features(of_second[0], *of_first), Features(*of_second, *of_first[2:])
        facial, head, _ = self.net.matcher(first, second)
        return facial.permute(0, 2, 3, 1), head.permute(0, 2, 3, 1)


class FollowerGraph(nn.Module):
    """The follower as it is exported: a guess (1, 64, 64, 2) px and features in, and out as the matcher."""

    def __init__(self, follower: Follower) -> None:
        super().__init__()
        self.follower = follower

    def forward(self, guess: Tensor, *features: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        *of_first, shade = features
        # What the follower does not read of a crop is filled with what is at hand.
        first = Features(**dict.fromkeys(FEATURES, shade) | dict(zip(GIVEN, of_first, strict=True)))
        facial, head, _ = self.follower(first, shade, guess.permute(0, 3, 1, 2))
        return facial.permute(0, 2, 3, 1), head.permute(0, 2, 3, 1)


def graphs(net: MEFlowNet, follower: Follower) -> dict[str, onnx.ModelProto]:
    """Encoder, matcher and follower as ONNX graphs, by name."""
    net, follower = net.eval().cpu(), follower.eval().cpu()
    crop = torch.zeros(1, CROP, CROP, 3, dtype=torch.uint8)
    with torch.no_grad():
        features = Features(*EncoderGraph(net)(crop))
    inputs = (*features[1:], *features[: len(OF_SECOND)])
    names = [f"first_{f}" for f in OF_FIRST] + [f"second_{f}" for f in OF_SECOND]
    followed = (torch.zeros(1, CELLS, CELLS, 2), *(getattr(features, name) for name in GIVEN), features.shade)
    followed_names = ["guess", *(f"first_{name}" for name in GIVEN), "second_shade"]
    return {
        "encoder": _graph(EncoderGraph(net), (crop,), ["crop"], list(FEATURES)),
        "matcher": _graph(MatcherGraph(net), inputs, names, ["facial", "head"]),
        "follower": _graph(FollowerGraph(follower), followed, followed_names, ["facial", "head"]),
    }


def _graph(module: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str]) -> onnx.ModelProto:
    content = io.BytesIO()
    with warnings.catch_warnings():
        # The tracer warns that shapes become constants: they are meant to.
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, content, input_names=names, output_names=outputs,
                          opset_version=OPSET, dynamo=False)  # fmt: skip
    model = onnx.load_from_string(content.getvalue())
    _share_constants(model.graph)
    return model


def _share_constants(graph: onnx.GraphProto) -> None:
    """Keep one of each constant: every step of the network brings its own interpolation and windows."""
    known: dict[bytes, str] = {}
    same: dict[str, str] = {}
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        (name,) = node.output
        first = known.setdefault(node.attribute[0].SerializeToString(), name)
        if first != name:
            same[name] = first
            graph.node.remove(node)
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = same.get(name, name)


@torch.no_grad()
def answer(net: MEFlowNet, first: Crop, second: Crop) -> tuple[Floats, Floats]:
    """Torch's facial and head flow (64, 64, 2), on the grid, between two crops (256, 256, 3) uint8 RGB."""
    a, b = _features(net, first), _features(net, second)
    facial, head = MatcherGraph(net.eval())(*a[1:], *b[: len(OF_SECOND)])
    return facial[0].numpy(), head[0].numpy()


@torch.no_grad()
def followed_answer(
    net: MEFlowNet, follower: Follower, first: Crop, second: Crop, guess: Floats
) -> tuple[Floats, Floats]:
    """The same of a network's follower, given a guess (64, 64, 2) px."""
    a, b = _features(net, first), _features(net, second)
    given = (getattr(a, name) for name in GIVEN)
    facial, head = FollowerGraph(follower.eval())(torch.from_numpy(guess)[None], *given, b.shade)
    return facial[0].numpy(), head[0].numpy()


def _features(net: MEFlowNet, crop: Crop) -> Features:
    return Features(*EncoderGraph(net.eval())(torch.from_numpy(np.ascontiguousarray(crop))[None]))


def write(
    net: MEFlowNet, follower: Follower, size: str, folder: Path, calibration: Sequence[tuple[Crop, Crop]]
) -> None:
    """Write all files of a network.

    Args:
        net: the trained network.
        follower: its own.
        size: "s" or "b".
        folder: where to; made if need be.
        calibration: pairs of crops whose activations set the int8 scales; the first of them is the reference pair.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    for name, graph in graphs(net, follower).items():
        files[f"meflownet_{size}_{name}.onnx"] = graph.SerializeToString()
    encoder, matcher = (files[f"meflownet_{size}_{part}.onnx"] for part in ("encoder", "matcher"))
    files[f"meflownet_{size}_matcher_int8.onnx"] = quantised(encoder, matcher, calibration)
    files[f"meflownet_{size}.npz"] = _packed({k: v.numpy() for k, v in net.state_dict().items()})
    files[f"meflownet_{size}_follower.npz"] = _packed({k: v.numpy() for k, v in follower.state_dict().items()})
    first, second = calibration[0]
    facial, head = answer(net, first, second)
    guess = np.float32(0.5) * facial  # some pixels off, in places
    followed, followed_head = followed_answer(net, follower, first, second, guess)
    files[f"meflownet_{size}_reference.npz"] = _packed(
        {"first": first, "second": second, "facial": facial, "head": head,
         "guess": guess, "followed": followed, "followed_head": followed_head}
    )  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    (folder / MANIFEST).write_text(json.dumps({"size": size, "files": hashes}, indent=2) + "\n")


def _packed(arrays: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


@app.default
def export(
    weights: Annotated[Path, Parameter(help="weights.pt of a run.")],
    *,
    follower: Annotated[
        Path | None, Parameter(help="follower.pt of a run with --follow; without, the network's own last steps follow.")
    ] = None,
    out: Annotated[Path, Parameter(help="Folder to write.")],
    pairs: Annotated[int, Parameter(help="Pairs that set the int8 scales.")] = 24,
) -> None:
    """Export a trained network."""
    console = Console()
    read, expected = weights, "weights.pt"
    try:
        state = torch.load(read, map_location="cpu", weights_only=True)
        net = MEFlowNet(SIZES[state["size"]])
        net.load_state_dict(state["weights"])
        follows = Follower(net)
        if follower is not None:
            read, expected = follower, "follower.pt"
            follows.load_state_dict(torch.load(read, map_location="cpu", weights_only=True)["weights"])
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError, EOFError,
            pickle.UnpicklingError) as error:  # fmt: skip
        reason = (str(error) or type(error).__name__).splitlines()[0]
        console.print(f"error: {read}: not the weights of a run ({reason}); expected is {expected} as "
                      "`engines.meflownet.train` writes it", highlight=False)  # fmt: skip
        sys.exit(2)
    write(net, follows, state["size"], out, calibration_pairs(portrait(), pairs))
    console.print(f"wrote {out}: size {state['size']}, step {state['step']}", highlight=False)


if __name__ == "__main__":
    app(sys.argv[1:])
