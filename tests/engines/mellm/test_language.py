import re
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from calib.face import REGIONS
from calib.facs import pattern
from engines.mellm.answer import Answer, Facts, StreamError
from engines.mellm.closing import closing_line
from engines.mellm.language import PATIENCE, LanguageNarrator, LanguageSettings
from engines.mellm.prompt import fill, house_prompt, instruction
from engines.mellm.template import TemplateNarrator
from tests.engines.scenes import measured

GOOD = "Left Mouth Corner moved up and left. A smile, perhaps.\nAU12 | positive | 0.80"
MOVED = "Left Mouth Corner up and left by 2.0 px"


def facts(code: str = "AU12", noise: float = 0.002) -> Facts:
    return Facts(measured(0.02 * pattern(code)), (noise,) * len(REGIONS), 100.0, "micro")


class Script:
    """A model that says what it is told to; None waits until it is stopped."""

    name = "script"
    prompt_style = ""

    def __init__(self, *answers: str | Exception | None, room: int = 10**6, size: int = 3) -> None:
        self.answers, self.room, self.size = list(answers), room, size
        self.asked: list[str] = []
        self.primed: list[str] = []
        self.closed = False
        self.stopped = threading.Event()

    def fits(self, content: str) -> bool:
        return len(content) <= self.room

    def prime(self, contents: Sequence[str]) -> None:
        self.primed += contents

    def stream(self, content: str, stopped: Callable[[], bool]) -> Iterator[str]:
        self.asked.append(content)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            try:
                while not stopped():
                    yield ""
            finally:
                self.stopped.set()
            return
        for start in range(0, len(answer), self.size):
            yield answer[start : start + self.size]

    def close(self) -> None:
        self.closed = True


def narrator(source: Script, settings: LanguageSettings | None = None, tick_s: float = 0.0) -> LanguageNarrator:
    """A narrator whose clock goes on by so much each time it is looked at."""
    now_s = 0.0

    def clock() -> float:
        nonlocal now_s
        now_s += tick_s
        return now_s

    return LanguageNarrator(source, house_prompt, settings, clock)


def told(speaker: LanguageNarrator, about: Facts) -> tuple[str, Answer]:
    """The words as they came, and the answer, which must come last and once."""
    said = list(speaker.narrate(about))
    answers = [piece for piece in said if isinstance(piece, Answer)]
    assert said[-1:] == answers
    return "".join(piece for piece in said if isinstance(piece, str)), answers[0]


def from_template(about: Facts) -> Answer:
    answer = list(TemplateNarrator().narrate(about))[-1]
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_words_come_without_the_closing_line_and_the_answer_has_its_facts(size: int) -> None:
    words, answer = told(narrator(Script(GOOD, size=size)), facts())
    assert words == answer.narration == "Left Mouth Corner moved up and left. A smile, perhaps."
    assert (answer.action_units, answer.label, answer.narrator) == (("AU12",), "positive", "script")
    assert answer.confidence == 0.8


def test_a_face_that_did_not_move_is_spoken_of_by_the_model_too() -> None:
    still = facts(noise=1.0)
    source = Script("Nothing moved.\nnone | none | 0.95", "Joy.\nAU12 | positive | 0.90")
    speaker = narrator(source)
    _, answer = told(speaker, still)
    assert (answer.narrator, answer.label, answer.narration) == ("script", "none", "Nothing moved.")
    _, answer = told(speaker, still)
    assert answer == from_template(still)
    assert "a face that did not move" in speaker.notes()[0]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("The Chin moved down. More.\n" + closing_line(("AU12",), "positive", 0.8), r"not measured \(Chin down\)"),
        ("Left Mouth Corner moved down.\nAU12 | positive | 0.8", r"not measured \(Left Mouth Corner down\)"),
        ("Left Mouth Corner up-left by 103 px.\nAU12 | positive | 0.8",
         r"not measured \(Left Mouth Corner up-left, 103 px\)"),
        ("A smile.\nAU12 AU17 | positive | 0.8", r"action unit that was not measured \(AU17\)"),
        ("A chin raiser (AU17).\nAU12 | positive | 0.8", r"action unit that was not measured \(AU17\)"),
        ("A smile. Likely positive (90%).\nAU12 | positive | 0.55", "chance of 90% but closed with 55%"),
        ("A smile (AU12).\nLAU12 | positive | 0.8", "named AU12 but closed with LAU12"),
        (f"{MOVED}; {MOVED}.\nAU12 | positive | 0.8", r"told a movement twice \(Left Mouth Corner\)"),
        ("A smile.", "no closing facts"),
        ("", "no closing facts"),
        ("A smile.\nAU98 | positive | 0.8", "AU98"),
        ("AU12 | positive | 0.8", "it has no words"),
        ("x" * 10_000, "goes on and on"),
        (StreamError("the server is silent"), "failed: the server is silent"),
        (ZeroDivisionError("odd"), "failed: ZeroDivisionError: odd"),
    ],
)  # fmt: skip
def test_a_bad_answer_is_the_template_s_and_said_once(answer: str | Exception, says: str) -> None:
    speaker = narrator(Script(answer, answer, GOOD, size=500))
    for _ in range(2):
        assert told(speaker, facts())[1] == from_template(facts())
    notes = speaker.notes()
    assert len(notes) == 1
    assert re.search(says, notes[0])
    assert "template narrator speaks instead" in notes[0]
    assert speaker.notes() == ()
    assert told(speaker, facts())[1].narrator == "script"


def test_a_movement_may_be_told_again_in_another_sentence() -> None:
    for between in (". ", "! ", ".) "):
        _, said = told(narrator(Script(f"{MOVED}{between}{MOVED}: a smile.\nAU12 | positive | 0.8")), facts())
        assert said.narrator == "script"


def test_a_false_sentence_ends_the_answer_at_once() -> None:
    source = Script("The Chin moved down. " + "And on it goes. " * 50, size=5)
    words, answer = told(narrator(source), facts())
    assert answer.narrator == "template"
    assert "goes" not in words


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_not_even_the_beginning_of_a_false_claim_is_shown(size: int) -> None:
    answer = "Look: Left Mouth Corner up and left by 2.0 px; the Chin moved down. Then.\nAU12 | positive | 0.8"
    words, said = told(narrator(Script(answer, size=size)), facts())
    assert said.narrator == "template"
    assert "Look: Left Mouth Corner up and left by 2.0 px; the ".startswith(words)
    assert size > 8 or len(words) > 40


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_code_is_shown_once_it_is_whole_and_measured(size: int) -> None:
    words, said = told(narrator(Script("It is (AU12). Then AU1\nAU12 | positive | 0.8", size=size)), facts())
    assert said.narrator == "template"
    assert words.removesuffix("A") == "It is (AU12). Then "


def test_a_side_of_what_was_measured_may_be_named() -> None:
    _, said = told(narrator(Script("A smile (LAU12).\nLAU12 | positive | 0.8")), facts())
    assert (said.narrator, said.action_units) == ("script", ("LAU12",))
    _, said = told(narrator(Script("A smile.\nAU12 | positive | 0.8")), facts("LAU12"))
    assert said == from_template(facts("LAU12"))


def test_the_chance_in_the_words_may_be_rounded_and_other_shares_are_none() -> None:
    words = "Left Mouth Corner up-left by 2.0% is positive. Annotators call that positive (65%). It is 3% of the face."
    _, said = told(narrator(Script(f"{words}\nAU12 | positive | 0.653")), facts())
    assert (said.narrator, said.narration) == ("script", words)


def test_what_steers_a_terminal_never_leaves() -> None:
    answer = "\x1b[2JLeft Mouth\x07 Corner moved up and left.<|im_end|>\nAU12 | positive | 0.8"
    words, said = told(narrator(Script(answer, size=1)), facts())
    assert words == said.narration == "Left Mouth Corner moved up and left."


def test_a_late_first_word_is_the_template_s() -> None:
    source = Script(None, GOOD)
    speaker = narrator(source, LanguageSettings(first_word_s=2.0), tick_s=0.7)
    assert told(speaker, facts())[1] == from_template(facts())
    assert "had no first word within 2 s" in speaker.notes()[0]
    assert source.stopped.wait(20.0)


def test_a_late_end_is_the_template_s() -> None:
    speaker = narrator(Script("A smile, perhaps. " * 20), LanguageSettings(answer_s=5.0), tick_s=0.7)
    words, answer = told(speaker, facts())
    assert words
    assert answer == from_template(facts())
    assert "had no whole answer within 5 s" in speaker.notes()[0]


@pytest.mark.parametrize("other", [GOOD, "The Chin moved down.\nAU12 | positive | 0.8", "no facts at all"])
def test_late_answers_between_others_leave_the_model_speaking(other: str) -> None:
    """Good ones, false ones and unreadable ones: all of them came in time."""
    rounds = 2 * PATIENCE
    source = Script(*[None, other] * rounds, GOOD)
    speaker = narrator(source, LanguageSettings(first_word_s=2.0, answer_s=1e9), tick_s=0.1)
    for _ in range(2 * rounds):
        told(speaker, facts())
    assert not speaker.given_up
    assert told(speaker, facts())[1].narrator == "script"


def test_after_some_late_answers_in_a_row_the_template_speaks_for_good() -> None:
    source = Script(None, GOOD, *[None] * PATIENCE, GOOD)
    speaker = narrator(source, LanguageSettings(first_word_s=2.0, answer_s=1e9), tick_s=0.1)
    for _ in range(2 + PATIENCE):
        assert not speaker.given_up
        told(speaker, facts())
    assert speaker.given_up
    assert [note for note in speaker.notes() if "speaks now" in note]
    words, answer = told(speaker, facts())
    assert (words, answer) == (answer.narration, from_template(facts()))
    assert source.answers == [GOOD]
    assert speaker.notes() == ()


def test_a_prompt_that_is_too_long_loses_the_weakest_movements() -> None:
    about = facts()
    whole = house_prompt(about)
    source = Script(GOOD, room=len(whole) // 2)
    assert told(narrator(source), about)[1].narrator == "script"
    (asked,) = source.asked
    lines = [line for line in asked.splitlines()[:-1] if not line.startswith("units")]
    assert 0 < len(lines) < len(about.moving)
    assert lines == whole.splitlines()[: len(lines)]


def test_a_context_too_small_for_any_prompt_is_said() -> None:
    speaker = narrator(Script(GOOD, room=3))
    assert told(speaker, facts())[1] == from_template(facts())
    assert "context is too small" in speaker.notes()[0]


def test_another_form_is_read_by_its_pattern_and_shown_whole() -> None:
    settings = LanguageSettings(answer_pattern=r"(?P<label>\w+): (?P<words>.*)")
    words, answer = told(narrator(Script("Positive: Left Mouth Corner up-left."), settings), facts())
    assert words == answer.narration == "Left Mouth Corner up-left."
    assert (answer.label, answer.action_units) == ("positive", ())


def test_an_answer_nobody_wants_any_more_is_stopped() -> None:
    source = Script(None)
    pieces = narrator(source).narrate(facts())
    assert next(pieces) == ""
    pieces.close()  # type: ignore[attr-defined]
    assert source.stopped.wait(20.0)


def test_the_model_reads_ahead_what_all_prompts_share_and_is_closed() -> None:
    source = Script()
    speaker = LanguageNarrator(source, lambda about: fill(instruction(), about))
    speaker.close()
    assert source.closed
    one, other = source.primed
    shared = next(k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    assert shared > 0.8 * len(one)
