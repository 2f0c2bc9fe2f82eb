"""Builds plans: in a process of its own, which can be ended at any moment, for TensorRT cannot.

It takes from twenty seconds to minutes, most of them in steps during which TensorRT listens to nobody.
"""

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from calib.int8 import calibration_stream
from calib.phantom import portrait
from engines.runtime.gpu import Gpu
from engines.runtime.interface import EngineError
from engines.runtime.plans.graph import Graph, Precision
from engines.runtime.plans.library import Library, open_library
from engines.runtime.plans.ranges import peaks
from engines.runtime.plans.store import PARTS, PlanSpec
from engines.runtime.weights import Weights

Show = Callable[[str, float], None]
"""Is told what is being done, and the share of it that is done, 0 to 1."""

Work = Callable[[Connection, str, str, Mapping[str, bytes]], None]


def _silent(what: str, share: float) -> None:
    """Nobody is told."""


_PAIRS = 24
"""Pairs of the calibration set; as many as set the scales of the shipped int8 graph."""


def plan_spec(weights: Weights, library: Library, gpu: Gpu, precision: Precision, batch: int) -> PlanSpec:
    """What a plan of these weights for this GPU depends on.

    Raises:
        WeightsError: a graph is missing or corrupt.
    """
    graphs = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in sources(weights).values()))
    return PlanSpec(
        graphs=graphs.hexdigest(), library=library.flavour, version=library.version,
        gpu="" if library.portable else gpu.name, capability=gpu.capability, precision=precision, batch=batch,
    )  # fmt: skip


def sources(weights: Weights) -> dict[str, bytes]:
    """The exported graphs that plans are made of, in float32.

    Raises:
        WeightsError: one is missing or corrupt.
    """
    return {part: weights.read(f"meflownet_{weights.size}_{part}.onnx") for part in PARTS}


def prepared(weights: Weights, precision: Precision, batch: int, show: Show = _silent) -> "dict[str, bytes]":
    """The graphs as TensorRT is to take them.

    With fp16 all convolutions are in half precision. With int8 the matcher's are int8 where they bear it; the rest, and
    those of encoder and follower, are in half precision.

    Raises:
        EngineError: a package is missing.
        WeightsError: a graph is missing, corrupt, or not one.
    """
    contents = sources(weights)
    graphs = {part: Graph(content, f"meflownet_{weights.size}_{part}.onnx") for part, content in contents.items()}
    if precision == "int8":
        largest = peaks(
            contents["encoder"], contents["matcher"], graphs["matcher"].rough(),
            calibration_stream(portrait(), _PAIRS), lambda done: show("int8 scales", done / _PAIRS),
        )  # fmt: skip
        graphs["matcher"].quantised(largest)
    for graph in graphs.values():
        graph.batched(batch)
        if precision != "fp32":
            graph.halved()
    return {part: graph.content() for part, graph in graphs.items()}


def build(
    library: Library, capability: str, graphs: Mapping[str, bytes], show: Show, work: "Work | None" = None
) -> "dict[str, bytes]":
    """Build prepared graphs.

    Args:
        library: that builds.
        capability: compute capability to build for, where the library is portable.
        graphs: by name.
        show: is told how far it is.
        work: what the process runs; by default the building.

    Returns:
        The serialised engines by name.

    Raises:
        EngineError: TensorRT refuses a graph, or its process ended.
        KeyboardInterrupt: the user stopped it; the process is gone by then.
    """
    theirs, ours = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=work or _work, args=(theirs, library.flavour, capability, dict(graphs)), name="mellm-plan", daemon=True
    )
    process.start()
    theirs.close()
    built: dict[str, bytes] = {}
    try:
        while len(built) < len(graphs):
            kind, *content = ours.recv()
            if kind == "error":
                raise EngineError(content[0])
            if kind == "plan":
                built[content[0]] = content[1]
            else:
                show(*content)
    except EOFError:
        process.join(5)
        raise EngineError(f"TensorRT's process ended while it was building (status {process.exitcode}); "
                          "is there enough memory?") from None  # fmt: skip
    finally:
        process.kill()
        process.join()
        ours.close()
    return built


def _work(pipe: Connection, flavour: str, capability: str, graphs: Mapping[str, bytes]) -> None:
    """Build in this process and tell the other one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other one ends this one
    try:
        library = open_library(flavour)
        for name, content in graphs.items():
            pipe.send(
                ("plan", name, serialised(library, capability, content, name, lambda *told: pipe.send(("at", *told))))
            )
    except EngineError as error:
        pipe.send(("error", str(error)))


def serialised(library: Library, capability: str, content: bytes, name: str, show: Show) -> bytes:
    """Build one graph here.

    Raises:
        EngineError: TensorRT refuses it; the message is TensorRT's.
    """
    log = _log(library.module)
    try:
        return _serialised(library, capability, content, name, show, log)
    except EngineError:
        raise
    except Exception as error:  # pybind11 raises whatever TensorRT throws, and a TypeError for a null pointer
        reasons = [*log.lines, f"{type(error).__name__}: {error}"]
        raise EngineError(f"{library.flavour} {library.version} cannot build the {name}: {_first(reasons)}") from error


def _serialised(library: Library, capability: str, content: bytes, name: str, show: Show, log: Any) -> bytes:
    trt = library.module
    builder = trt.Builder(log)
    network = builder.create_network(library.network_flags())
    parser = trt.OnnxParser(network, log)
    show(f"{name}: reading", 0.0)
    if not parser.parse(content):
        reasons = [str(parser.get_error(index).desc()) for index in range(parser.num_errors)] or log.lines
        raise EngineError(f"{library.flavour} {library.version} cannot read the {name}: {_first(reasons)}")
    config = builder.create_builder_config()
    library.configure(config, capability)
    config.progress_monitor = _monitor(trt, Phases(lambda what, share: show(f"{name}: {what}", share)))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"{library.flavour} {library.version} cannot build the {name}: {_first(log.lines)}")
    return bytes(plan)


def _first(reasons: "list[str]") -> str:
    lines = [line.strip() for reason in reasons for line in reason.splitlines() if line.strip()]
    return lines[0] if lines else "it gives no reason"


def _log(trt: Any) -> Any:
    """A logger that keeps what went wrong, instead of printing it."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.lines: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.lines.append(message)

    return Log()


def _monitor(trt: Any, phases: "Phases") -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: "str | None", num_steps: int) -> None:
            phases.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            phases.step(phase_name, step)
            return True

        def phase_finish(self, phase_name: str) -> None:
            phases.finish(phase_name)

    return Monitor()


class Phases:
    """TensorRT's nested phases as one share of the whole: a phase fills one step of its parent."""

    def __init__(self, show: Show) -> None:
        self._show, self._told = show, (-1.0, "")
        self._open: dict[str, list[int]] = {}

    def start(self, name: str, parent: "str | None", steps: int) -> None:
        """A phase of so many steps begins."""
        self._open[name] = [0, max(steps, 1)]
        self._tell(name)

    def step(self, name: str, step: int) -> None:
        """The step of this number, from 0, is done."""
        if name in self._open:
            self._open[name][0] = min(step + 1, self._open[name][1])
            self._tell(name)

    def finish(self, name: str) -> None:
        """The phase is over."""
        self._open.pop(name, None)

    def _tell(self, name: str) -> None:
        share, width = 0.0, 1.0
        for done, steps in self._open.values():
            share += width * done / steps
            width /= steps
        share = max(min(share, 1.0), self._told[0])  # phases that run side by side never take it back
        if share - self._told[0] >= 0.01 or name != self._told[1]:
            self._told = (share, name)
            self._show(name.lower(), share)
