"""MEFlowNet in torch: on an NVIDIA GPU if there is one, and the measure of all other backends."""

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.runtime.interface import EngineError, FlowFields, WeightsError, check_crop
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.weights import Weights


class TorchEngine:
    """The network as it was trained."""

    name = "meflownet-torch"

    def __init__(self, weights: Path | None = None, device: str | None = None) -> None:
        """Load the weights.

        Args:
            weights: a folder of weights; by default the shipped ones.
            device: "cpu" or "cuda"; by default the GPU if there is one.

        Raises:
            EngineError: torch is missing, or the weights are missing, corrupt or of another network.
        """
        self._net, files = load_network(weights)
        self._follower = load_follower(self._net, files)
        import torch

        self._torch = torch
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._net.to(self._device)
        self._follower.to(self._device)
        Reference(files).check(self, allowed_px("fp32"))

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """The crop's features; see `FlowEngine.encode`."""
        check_crop(crop)
        pixels = self._torch.from_numpy(np.ascontiguousarray(crop)).to(self._device)
        with self._torch.inference_mode():
            return self._net.encode(pixels.permute(2, 0, 1)[None].float())

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        with self._torch.inference_mode():
            return self._fields(self._net.matcher(first, second))

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        """See `FollowingEngine.follow`."""
        begun = self._torch.from_numpy(np.moveaxis(guess, -1, 0)[None].copy()).to(self._device)
        with self._torch.inference_mode():
            return self._fields(self._follower(first, second.shade, begun))

    def _fields(self, found: Any) -> FlowFields:
        facial, head, _ = found
        return FlowFields(*(flow[0].permute(1, 2, 0).contiguous().cpu().numpy() for flow in (facial, head)))

    def close(self) -> None:
        """Release the network."""
        del self._net, self._follower


def load_network(weights: Path | None) -> tuple[Any, Weights]:
    """The network of a folder of weights in float32, on the CPU; and the folder.

    Raises:
        EngineError: torch is missing.
        WeightsError: the weights are missing, corrupt or of another network.
    """
    try:
        import_module("torch")
        from engines.meflownet.model import SIZES, MEFlowNet
    except (ImportError, OSError) as error:  # its libraries may be missing too
        raise EngineError(f"torch cannot be loaded ({error}); `make trainer` installs it") from None
    files = Weights(weights)
    return _loaded(lambda: MEFlowNet(SIZES[files.size]), files, f"meflownet_{files.size}.npz"), files


def load_follower(net: Any, files: Weights) -> Any:
    """A network's follower, alike.

    Raises:
        WeightsError: the weights are missing, corrupt or of another network.
    """
    from engines.meflownet.follower import Follower

    return _loaded(lambda: Follower(net), files, f"meflownet_{files.size}_follower.npz")


def _loaded(make: Callable[[], Any], files: Weights, name: str) -> Any:
    """A module with the weights of a file."""
    import torch

    try:
        with np.load(io.BytesIO(files.read(name))) as arrays:
            state = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        module = make()
        module.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(f"{files.folder / name}: not the weights of this network ({error})") from None
    return module.eval()
