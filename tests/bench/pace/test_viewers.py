import json

from bench.pace.viewers import Sight


def point(t: float) -> str:
    return json.dumps({"type": "motion", "t": t, "faces": []})


def test_what_comes_is_counted_by_the_second() -> None:
    now_s = 100.0
    sight = Sight(clock=lambda: now_s)
    for data in (point(0.0), b"\0" * 100_000, point(0.1), point(0.1), b"1", json.dumps({"type": "say"}), point(0.2)):
        now_s += 0.5
        sight.take(data)
    seen = sight.told(100.0)
    assert (seen.curves_fps, seen.pictures_fps) == (round(3 / 3.5, 2), round(2 / 3.5, 2))
    assert seen.megabits > 0
    sight.again()
    assert sight.told(now_s).curves_fps == 0
