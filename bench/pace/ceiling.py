"""The highest frame rate that is sustained, by trying."""

from collections.abc import Callable

from bench.pace.results import Ceiling

STEP = 0.04
"""The search ends when what was sustained and what was not are so close, as a share."""


def find_ceiling(
    scene: str, sustains: Callable[[float], bool], start_fps: float, most_fps: float, least_fps: float = 5.0,
    step: float = STEP, tries: int = 2,
) -> Ceiling:  # fmt: skip
    """Search: from a rate up, or down, by doubling until it turns, then by halving the gap.

    A rate that fails is tried again before that is believed: on a busy machine a single run may fail by another
    program's doing.

    Args:
        scene: what is searched.
        sustains: tries a rate, 1/s.
        start_fps: the first rate.
        most_fps: no higher one is tried.
        least_fps: no lower one is tried.
        step: how close to come, as a share.
        tries: how often a rate must fail to count as failed.
    """
    tried: list[tuple[float, bool]] = []

    def holds(fps: float) -> bool:
        for _ in range(tries):
            held = sustains(fps)
            tried.append((fps, held))
            if held:
                return True
        return False

    held_fps, failed_fps, fps = 0.0, 0.0, min(start_fps, most_fps)
    while True:
        if holds(fps):
            held_fps = fps
            if fps >= most_fps:
                return Ceiling(scene, held_fps, 0.0, tuple(tried))
            if failed_fps:
                break
            fps = min(2 * fps, most_fps)
        else:
            failed_fps = fps
            if held_fps:
                break
            if fps <= least_fps:
                return Ceiling(scene, 0.0, failed_fps, tuple(tried))
            fps = max(fps / 2, least_fps)
    while failed_fps > (1 + step) * held_fps:
        fps = round((held_fps * failed_fps) ** 0.5, 1)
        if not held_fps < fps < failed_fps:
            break
        if holds(fps):
            held_fps = fps
        else:
            failed_fps = fps
    return Ceiling(scene, held_fps, failed_fps, tuple(tried))
