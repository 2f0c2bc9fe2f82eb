"""What is compared: the project's engines, OpenCV's dense flows, and standing still."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.complaint import BenchError
from bench.flow.pairs import HEIGHT, WIDTH
from calib.face import Floats
from engines.refine import refined_flow
from engines.runtime import ENGINES, EngineError, FlowEngine, FlowFields, open_engine

MethodKind = Literal["engine", "opencv", "reference"]

REFINED = ("meflownet", "dis")
"""Engines that are also measured refined: what holds for one precision of MEFlowNet holds for all."""

TRUE_FLOW = "true flow"
TRUE_FLOW_LIVE = "true flow, HeadFit"
ZERO_FLOW = "zero flow"

FARNEBACK: dict[str, Any] = {
    "pyr_scale": 0.5, "levels": 3, "winsize": 61, "iterations": 5, "poly_n": 5, "poly_sigma": 1.1, "flags": 0,
}  # fmt: skip
"""Of the window sizes 9 to 61 and neighbourhoods 5 and 7 tried on such pairs, the ones with the smallest error."""


@dataclass(frozen=True)
class Method:
    """A way to measure flow.

    Attributes:
        label: its name in the tables.
        kind: an engine of this project, a method of OpenCV, or a reference.
        about: what it is, with its parameters.
        encode: prepares one RGB image.
        flow: from two prepared images, and the mesh points in the first crop, to the flow on the first one's grid.
        close: releases what it holds.
        whole_frame: it takes the frames instead of the crops.
    """

    label: str
    kind: MethodKind
    about: str
    encode: Callable[[NDArray[np.uint8]], Any]
    flow: Callable[[Any, Any, Floats], FlowFields]
    close: Callable[[], None]
    whole_frame: bool = False


def open_engines(names: Sequence[str] | None, weights: Path | None = None) -> tuple[list[Method], dict[str, str]]:
    """The project's engines that work here, and why the others do not.

    Args:
        names: only these; all of them if None.
        weights: a folder of MEFlowNet's weights; None for the shipped ones.

    Raises:
        BenchError: a name that no engine has.
    """
    for name in names or ():
        if name not in ENGINES:
            raise BenchError(f"--engines {name}: no such engine; there are: {', '.join(ENGINES)}")
    opened, missing = [], {}
    for name in ENGINES if names is None else dict.fromkeys(names):
        try:
            engine = open_engine(name, weights)
        except EngineError as error:
            missing[name] = str(error)
            continue
        about = "the live pipeline's engine of this name (`engines/runtime`)"
        opened.append(Method(name, "engine", about, engine.encode, partial(_one_pass, engine), engine.close))
        if name in REFINED:
            about = (
                "the same, followed where the engine can; a large expression from both sides, held against the "
                "pictures (`engines/refine`), as for events"
            )
            opened.append(Method(f"{name}, refined", "engine", about, _as_is, partial(_refined, engine), _nothing))
    return opened, missing


def opencv_methods() -> list[Method]:
    """OpenCV's dense flows on grey images of equal brightness, and zero flow."""
    fast, medium, finest, frames = (
        cv2.DISOpticalFlow.create(preset)
        for preset in (cv2.DISOPTICAL_FLOW_PRESET_FAST, *3 * (cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,))
    )
    for dis in (finest, frames):
        dis.setFinestScale(0)
    tvl1 = cv2.optflow.DualTVL1OpticalFlow.create()
    farneback = ", ".join(f"{key} {value}" for key, value in FARNEBACK.items())

    def farneback_flow(first: Any, second: Any, start: None) -> Any:
        return cv2.calcOpticalFlowFarneback(first, second, start, **FARNEBACK)

    return [
        _grey("DIS fast", "`DISOpticalFlow`, preset fast", fast.calc),
        _grey("DIS medium", "`DISOpticalFlow`, preset medium (finest scale 1)", medium.calc),
        _grey("DIS medium, scale 0", "the same with finest scale 0", finest.calc),
        _grey("DIS, whole frame", f"the same on the whole {WIDTH}×{HEIGHT} frames, its flow then taken to the crop",
              frames.calc, whole_frame=True),
        _grey("Farneback", f"`calcOpticalFlowFarneback`, {farneback}; the best window of 9–61 tried", farneback_flow),
        _grey("TV-L1", "`optflow.DualTVL1OpticalFlow` at its defaults", tvl1.calc),
        Method(ZERO_FLOW, "reference", "nothing ever moves", lambda image: image.shape[:2], _standing, _nothing),
    ]  # fmt: skip


def _grey(label: str, about: str, calc: Callable[[Any, Any, None], Any], *, whole_frame: bool = False) -> Method:
    def flow(first: Any, second: Any, landmarks: Floats) -> FlowFields:
        # Most of them assume that brightness stays: without this a gain of 3 % ruins TV-L1, and costs DIS a fifth.
        equal = cv2.convertScaleAbs(second, alpha=cv2.mean(first)[0] / max(cv2.mean(second)[0], 1.0))
        return FlowFields(np.asarray(calc(first, equal, None), dtype=np.float32), None)

    return Method(label, "opencv", about, _to_grey, flow, _nothing, whole_frame)


def _to_grey(image: NDArray[np.uint8]) -> Any:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _one_pass(engine: FlowEngine, first: Any, second: Any, landmarks: Floats) -> FlowFields:
    return engine.flow(first, second)


def _refined(engine: FlowEngine, first: Any, second: Any, landmarks: Floats) -> FlowFields:
    flow = refined_flow(engine, (first, second), landmarks)
    return FlowFields(flow.facial, flow.head)


def _as_is(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image


def _standing(first: tuple[int, int], second: tuple[int, int], landmarks: Floats) -> FlowFields:
    return FlowFields(np.zeros((*first, 2), np.float32), None)


def _nothing() -> None:
    """There is nothing to release."""
