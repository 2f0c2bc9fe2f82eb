"""The words on the curves, in a real browser, before a session that is acted."""

from typing import Any

from tests.realtime.acted import Acted, event, point
from tests.realtime.page.test_live import TIME, points

DRAWN = """
  window.drawn = {};
  const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    if (this.canvas.closest(".curves")) window.drawn = {};
    clearRect.apply(this, where);
  };
  CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
    const { width } = this.measureText(words);
    const left = x - { left: 0, center: width / 2, right: width }[this.textAlign];
    if (this.canvas.closest(".curves")) window.drawn[words] = [left, left + width];
    fillText.call(this, words, x, y);
  };
"""
"""Keeps from where to where the words of the last drawing of the curves reach, px."""


def note(t_s: float, text: str) -> dict[str, Any]:
    return {"type": "annotation", "t": t_s, "until": None, "text": text}


def test_notes_can_be_read_at_the_edge_and_beside_each_other(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    long = "at the end, and long enough to be shortened"
    acted.say(
        points(*range(301)), note(9.99, long), note(5.1, "the second"), note(5.0, "the first"), note(8.0, "a third")
    )
    acted.until(lambda: "a third" in page.evaluate("drawn"))
    drawn = page.evaluate("drawn")
    assert "the first" in drawn
    assert "the second" not in drawn  # it would lie on the first
    (end,) = (reach for words, reach in drawn.items() if words.startswith("at the end"))
    box = page.locator(TIME).bounding_box()
    assert drawn["a third"][1] < end[0] < end[1] <= box["width"]
    page.mouse.move(box["x"] + box["width"] - 13, box["y"] + 40)
    assert page.locator(TIME).get_attribute("title") == f"0:09.99: {long}"


def test_a_faces_name_is_not_written_over(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    acted.say(points(*range(451), faces=(0, 3)), event(1, 4.8, 5.4), event(2, 7.0, 7.4))
    acted.until(lambda: "micro" in page.evaluate("drawn"))
    acted.say(event(1, 4.8, 5.4, kind="macro"))
    acted.until(lambda: page.locator("#live [data-kind=macro]").count() == 1)
    drawn = page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(drawn))))"
    )
    assert "Face 0" in drawn
    assert "macro" not in drawn


def test_the_name_of_the_newest_event_is_whole(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    acted.say(points(*range(301)), event(1, 9.95, 10.0, phase="rising", kind=None, apex_ns=-1, offset_ns=-1))
    acted.until(lambda: "rising" in page.evaluate("drawn"))
    assert page.evaluate("drawn")["rising"][1] <= page.locator(TIME).bounding_box()["width"] - 12


def test_an_hour_can_be_seen_whole_and_no_line_is_drawn_where_no_face_was(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    page.add_init_script("""
      const { lineTo, moveTo } = CanvasRenderingContext2D.prototype;
      let [last, from] = [0, 0];
      window.across = 0;
      CanvasRenderingContext2D.prototype.moveTo = function (x, y) { [last, from] = [x, y]; moveTo.call(this, x, y); };
      CanvasRenderingContext2D.prototype.lineTo = function (x, y) {
        if (this.canvas.closest(".curves") && y !== from) window.across = Math.max(window.across, x - last);
        [last, from] = [x, y];
        lineTo.call(this, x, y);
      };
    """)
    acted.open()
    hour = [seq for seq in range(0, 108_000, 12) if not 50_000 < seq < 60_000]
    acted.say({"type": "motions", "rows": [point(seq, 0, u_iod=0.001 * (seq % 7)) for seq in hour]}, event(1, 3.0, 3.4))
    page.keyboard.press("-")
    page.get_by_role("button", name="all", exact=True).click()
    acted.until(lambda: {"0:00", "10:00", "50:00"} <= page.evaluate("drawn").keys())
    assert "micro" in page.evaluate("drawn")
    page.evaluate("across = 0")
    page.locator(TIME).hover()
    acted.until(lambda: page.evaluate("across"))
    assert page.evaluate("across") < 5  # px
    page.keyboard.press("-")  # there is no more
    assert page.get_by_role("button", name="all", exact=True).get_attribute("aria-pressed") == "true"
    page.keyboard.press("+")
    acted.until(lambda: "0:00" not in page.evaluate("drawn"))
    page.keyboard.press("-")
    acted.until(lambda: "0:00" in page.evaluate("drawn"))


def test_the_last_time_on_the_axis_is_whole(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    acted.say(points(*range(150_000, 150_302)))  # frame 150,301 is just after 83:30
    acted.until(lambda: "83:30" in page.evaluate("drawn"))
    assert page.evaluate("drawn")["83:30"][1] <= page.locator(TIME).bounding_box()["width"]
