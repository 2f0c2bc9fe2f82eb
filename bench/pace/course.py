"""A course of runs: every case on frames made for it; what has been measured is there whenever it is stopped."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from bench.pace.alone import MissingError, analysis, apart, flow_alone, mediapipe_alone, py_feat
from bench.pace.camera import Camera
from bench.pace.ceiling import find_ceiling
from bench.pace.reel import LENGTH_S, MOST_FPS, Reel, make_reel
from bench.pace.results import Case, Ceiling, Outcome, Pace
from bench.pace.trial import Plan, Trial
from realtime.config import Config
from realtime.supervisor import SessionError

SEARCH_S = 8.0
"""Longest run of the search for the highest rate."""


class Show(Protocol):
    """Where progress is shown."""

    def begin(self, what: str, total: float) -> None:
        """Some work of a known length begins."""
        ...

    def at(self, done: float) -> None:
        """So much of it is done."""
        ...


def cases_of(
    rates: Sequence[float],
    sizes: Sequence[tuple[int, int]],
    faces: Sequence[int],
    engines: Sequence[str],
    pages: int = 0,
) -> tuple[Case, ...]:
    """Every rate at every size with every number of faces and every engine; what shares frames stands together."""
    return tuple(
        Case(fps, width, height, count, engine, pages)
        for width, height in sizes for count in faces for engine in engines for fps in rates
    )  # fmt: skip


class Course:
    """Runs cases one after another.

    Attributes:
        outcomes, ceilings, paces: what has been measured.
        missing: what could not be, and why.
    """

    def __init__(
        self, folder: Path, config: Config, seconds: float, tolerance: float, camera: bool, show: Show
    ) -> None:
        """Prepare a course.

        Args:
            folder: where frames are kept meanwhile.
            config: settings of the pipeline.
            seconds: length of a run, after its warm-up.
            tolerance: share of frames that a sustained rate may skip.
            camera: send the frames over HTTP rather than read them from memory.
            show: where progress is shown.
        """
        self._folder, self._config, self._seconds = folder, config, seconds
        self._tolerance, self._camera, self._show = tolerance, camera, show
        self._reels: dict[tuple[int, int, int], Reel] = {}
        self._used: dict[tuple[int, int, int], Reel] = {}
        self._trial: Trial | None = None
        self.outcomes: list[Outcome] = []
        self.ceilings: list[Ceiling] = []
        self.paces: list[Pace] = []
        self.missing: dict[str, str] = {}

    def run(self, cases: Sequence[Case]) -> None:
        """Measure every case.

        Raises:
            BenchError: the frames of a case cannot be made.
        """
        for k, case in enumerate(cases, start=1):
            try:
                plan = Plan(self._config, self._seconds)
                self.outcomes.append(self._measure(case, plan, f"{k} of {len(cases)}: {case.label}"))
            except SessionError as error:
                self.missing[case.label] = str(error)

    def search(self, cases: Sequence[Case], most_fps: float) -> None:
        """Find the highest rate that every scene sustains, from the highest rate on that it was run at.

        Raises:
            BenchError: the frames of a case cannot be made.
        """
        scenes: dict[str, Case] = {}
        for case in cases:
            best = scenes.get(case.scene)
            scenes[case.scene] = case if best is None or case.fps > best.fps else best
        for scene, case in scenes.items():
            if any(name.startswith(scene) for name in self.missing):
                continue  # it does not run at all
            plan = Plan(self._config, min(self._seconds, SEARCH_S))

            def sustains(fps: float, case: Case = case, plan: Plan = plan) -> bool:
                asked = dataclasses.replace(case, fps=fps)
                outcome = self._measure(asked, plan, f"highest rate: {asked.label}")
                return outcome.sustained(self._tolerance)

            try:
                self.ceilings.append(find_ceiling(scene, sustains, case.fps, max(most_fps, case.fps)))
            except SessionError as error:
                self.missing[f"highest rate of {scene}"] = str(error)

    def alone(self, cases: Sequence[Case]) -> None:
        """Time the pieces alone, the lossless run, and other programs, on the same frames.

        Raises:
            BenchError: the frames of a case cannot be made.
        """
        used = dict.fromkeys(outcome.engine for outcome in self.outcomes)
        engines = list(used) or list(dict.fromkeys(case.engine for case in cases))
        for case in dict.fromkeys(Case(0, c.width, c.height, c.faces, "") for c in cases):
            reel = self._reel(case)
            work: list[tuple[str, Callable[..., Pace], tuple[object, ...]]] = [
                ("MediaPipe alone", mediapipe_alone, (reel,)),
                *((f"flow alone, {engine}", flow_alone, (reel, engine)) for engine in engines),
                *((f"analyze, {engine}", analysis, (reel, engine)) for engine in engines),
                ("py-feat", py_feat, (reel,)),
            ]
            for name, measure, arguments in work:
                self._show.begin(name, 1.0)
                if name in self.missing:
                    continue
                try:
                    self.paces.append(apart(measure, *arguments))
                except MissingError as error:
                    self.missing[name] = str(error)

    def soak(self, case: Case) -> None:
        """Run one case, watched in about sixty windows.

        Raises:
            BenchError: its frames cannot be made.
        """
        window_s = max(self._seconds / 60, 1.0)
        plan = Plan(self._config, self._seconds, window_s=window_s, look_s=window_s / 8)
        try:
            self.outcomes.append(self._measure(case, plan, case.label))
        except SessionError as error:
            self.missing[case.label] = str(error)
            self.keep()

    def keep(self) -> float:
        """Keep what was measured of a run that broke off; how many seconds that is."""
        if self._trial is None:
            return 0.0
        outcome = self._trial.outcome()
        if outcome.counts.captured:
            self.outcomes.append(outcome)
        return outcome.counts.seconds

    def source(self) -> str:
        """What the frames were, and what reading one costs."""
        how = "sent as JPEG over HTTP by a process of its own" if self._camera else "read from memory"
        parts = [
            f"{r.width}×{r.height}, {r.faces} face{'s' if r.faces > 1 else ''}: {r.frames} frames at "
            f"{r.fps:.3g} a second, {r.read_ms:.2f} ms to read one"
            for r in self._used.values()
        ]
        return f"phantoms, {LENGTH_S:g} s back and forth, {how}; " + "; ".join(parts)

    def _measure(self, case: Case, plan: Plan, what: str) -> Outcome:
        reel = self._reel(case)
        camera: AbstractContextManager[Camera | None] = Camera(reel, case.fps) if self._camera else nullcontext()
        with camera as served:
            self._trial = Trial(case, reel, plan, served.url if served is not None else "")
            self._show.begin(what, plan.warm_s + plan.seconds)
            outcome = self._trial.run(self._show.at)
        self._trial = None
        return outcome

    def _reel(self, case: Case) -> Reel:
        """The frames of a case; those of the case before make room."""
        key = (case.width, case.height, case.faces)
        if key not in self._reels:
            for other in self._reels.values():
                other.path.unlink()
            self._reels.clear()
            faces = "1 face" if case.faces == 1 else f"{case.faces} faces"
            self._show.begin(f"rendering {case.width}×{case.height}, {faces}", 1.0)
            self._reels[key] = make_reel(self._folder, *key, MOST_FPS, self._show.at)
            self._used[key] = self._reels[key]
        return self._reels[key]
