from collections.abc import Iterator

import pytest
from msgspec import structs

from calib.face import REGIONS
from calib.facs import pattern
from engines.mellm import Answer, Facts, NarratorError
from engines.regions import RegionMotion, octant
from realtime.config import NarrateConfig
from realtime.messages import AnyMessage, End, Phase, Say, Spot
from realtime.narrate import PROMPT_NS, NarrateNode
from realtime.recap import moment


def smile() -> tuple[RegionMotion, ...]:
    moved = 0.02 * pattern("AU12")
    return tuple(
        RegionMotion(region.name, u, v, float((u * u + v * v) ** 0.5), 0.03, 45.0, octant(45), 1.0)
        for region, (u, v) in zip(REGIONS, moved, strict=True)
    )


def spot(phase: Phase, spot_id: int = 0) -> Spot:
    return Spot(
        seq=4, face_id=1, t_capture_ns=11, t_media_ns=22, spot_id=spot_id, phase=phase, onset_ns=1, apex_ns=2,
        offset_ns=3, kind="micro", confidence=0.9, magnitude_iod=0.02, iod_px=100.0, regions=smile(),
        noise_iod=(0.004,) * len(REGIONS),
    )  # fmt: skip


def said(node: NarrateNode, message: AnyMessage) -> list[Say]:
    return [out for out in node.step(message) if isinstance(out, Say)]


class Puppet:
    """A narrator that speaks word by word, slowly: an empty piece comes before each."""

    name = "puppet"

    def __init__(self, text: str = "Chin up. It is so.", answers: bool = True) -> None:
        self.text, self.answers = text, answers
        self.asked: list[Facts] = []
        self.left: list[str] = []
        self.to_note = ["hello"]

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        self.asked.append(facts)
        try:
            for word in self.text.split(" "):
                yield ""
                yield f"{word} "
            if self.answers:
                yield Answer(("AU1",), "surprise", 0.9, self.text, self.name)
        finally:
            self.left.append(facts.kind)

    def notes(self) -> list[str]:
        notes, self.to_note = self.to_note, []
        return notes

    def close(self) -> None:
        pass


def at(spot_id: int, t_ns: int, phase: Phase = "closed") -> Spot:
    return structs.replace(spot(phase, spot_id), t_capture_ns=t_ns)


def live(node: NarrateNode, messages: list[Spot | End], now_ns: int = 0) -> list[AnyMessage]:
    """What a node gives that takes some messages in at once and then works until it is done."""
    outs = [out for message in messages for out in node.take(message)]
    while node.waiting:
        outs += node.work(now_ns)
    return outs


END = End(seq=9, t_capture_ns=70, t_media_ns=83_000_000_000)


def test_the_apex_gets_a_first_sentence_and_the_end_the_whole() -> None:
    node = NarrateNode(NarrateConfig("template"))
    assert said(node, spot("rising")) == []
    first = said(node, spot("apex"))
    pieces = said(node, spot("closed"))
    final = pieces[-1]
    assert not any(piece.final for piece in first)
    assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert "".join(piece.text for piece in pieces[:-1]) == final.text
    sentence = "".join(piece.text for piece in first)
    assert sentence.endswith(".")
    assert final.text.startswith(sentence)
    assert len(sentence) < len(final.text)
    assert final.action_units == ("AU12",)
    assert final.label == "positive"
    assert final.narrator == "template"
    assert (final.seq, final.face_id, final.t_capture_ns, final.spot_id) == (4, 1, 11, 0)


def test_the_chance_of_the_class_is_the_one_in_the_words_however_sure_the_spotter_is() -> None:
    final = said(NarrateNode(NarrateConfig("template")), spot("closed"))[-1]
    assert final.text.endswith(f"positive ({final.confidence:.0%}).")


def test_words_are_handed_on_as_they_come_and_a_sentence_is_enough_at_the_apex() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    assert [say.text for say in said(node, spot("apex")) if say.spot_id == 0] == ["Chin ", "up."]
    assert puppet.left == ["micro"]  # the rest was not made
    assert [say.text for say in said(node, spot("closed"))] == ["Chin ", "up. ", "It ", "is ", "so. ", puppet.text]


def test_a_message_is_taken_in_without_waiting_for_words() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    assert list(node.take(at(0, 0))) == []
    for _ in range(2):
        list(node.work())
    assert list(node.take(at(1, 0))) == []
    assert len(puppet.asked) == 1
    assert node.waiting == 2


def test_the_newest_event_is_spoken_of_first() -> None:
    node = NarrateNode(NarrateConfig(), Puppet())
    outs = live(node, [at(0, 0), at(1, 10), at(2, 20)])
    assert [out.spot_id for out in outs if isinstance(out, Say) and out.final] == [2, 1, 0]


def test_what_has_waited_too_long_is_answered_from_the_template_and_says_so() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(late_s=2.0), puppet)
    outs = live(node, [at(0, 0), at(1, 3_500_000_000), at(2, 1)], now_ns=5_000_000_000)
    finals = {out.spot_id: out for out in outs if isinstance(out, Say) and out.final}
    assert sorted(finals) == [0, 1, 2]
    assert len(puppet.asked) == 2  # 2 is the newest, 1 has not waited long
    assert finals[0].text.startswith("Said 5 s late, newer events came first. Left Mouth Corner")
    assert (finals[0].narrator, finals[0].action_units) == ("template", ("AU12",))
    assert finals[2].narrator == "puppet"


def test_a_late_apex_is_passed_over() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(late_s=2.0), puppet)
    outs = live(node, [at(0, 0, "apex"), at(1, 4_000_000_000)], now_ns=5_000_000_000)
    assert {out.spot_id for out in outs if isinstance(out, Say)} == {-1, 1}


def test_an_apex_does_not_wait_for_an_answer_to_another_event() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    list(node.take(at(0, 0)))
    list(node.work(0))
    list(node.take(at(1, 1_000_000_000, "apex")))
    early = [out for out in node.work(1_000_000_000 + PROMPT_NS) if isinstance(out, Say) and out.spot_id == 1]
    prompt = [out for out in node.work(1_000_000_001 + PROMPT_NS) if isinstance(out, Say) and out.spot_id == 1]
    assert early == []
    (say,) = prompt
    assert say.text.startswith("Left Mouth Corner")
    assert say.text.endswith(".")
    assert not say.final
    outs = live(node, [at(1, 1_500_000_000)], now_ns=1_500_000_000)
    finals = {out.spot_id: out.narrator for out in outs if isinstance(out, Say) and out.final}
    assert finals == {0: "puppet", 1: "puppet"}


def test_the_close_ends_what_was_said_at_the_apex() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    list(node.take(spot("apex")))
    for _ in range(3):
        list(node.work())
    outs = live(node, [spot("closed")])
    assert puppet.left == ["micro", "micro"]
    assert [out.text for out in outs if isinstance(out, Say)][-1] == puppet.text


def test_an_event_that_is_taken_back_is_not_spoken_of_any_more() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    list(node.take(spot("apex")))
    list(node.work())
    list(node.work())
    outs = live(node, [spot("revoked")])
    (say,) = (out for out in outs if isinstance(out, Say))
    assert "Taken back" in say.text
    assert puppet.left == ["micro"]


def test_a_narrator_that_breaks_its_word_loses_no_event() -> None:
    final = said(NarrateNode(NarrateConfig(), Puppet(answers=False)), spot("closed"))[-1]
    assert (final.final, final.narrator, final.action_units) == (True, "template", ("AU12",))
    assert [s.text for s in said(NarrateNode(NarrateConfig(), Puppet("no end", answers=False)), spot("apex"))][
        -1
    ] == "end "


def test_notes_of_the_narrator_are_handed_on_once() -> None:
    puppet = Puppet()
    node = NarrateNode(NarrateConfig(), puppet)
    assert node.waiting == 1
    puppet.to_note = ["it is slow"]
    notes = [say for say in said(node, spot("closed")) if say.spot_id < 0]
    assert [(note.text, note.final) for note in notes] == [("hello", False), ("it is slow", False)]
    assert all(say.spot_id == 1 for say in said(node, spot("closed", 1)))


def test_a_session_closes_with_its_summary_after_all_that_waited() -> None:
    node = NarrateNode(NarrateConfig(), Puppet(), told=[], revoked=1)
    outs = live(node, [at(0, 0), at(1, 1), END])
    *_, summary, end = outs
    assert end is END
    assert isinstance(summary, Say)
    assert (summary.spot_id, summary.final, summary.t_media_ns) == (-1, True, END.t_media_ns)
    assert "Watched 1:23: 2 micro-expressions and 0 macro-expressions; 1 movement was taken back." in summary.text
    assert sum(isinstance(out, Say) and out.final and out.spot_id >= 0 for out in outs) == 2


def test_what_was_told_before_a_restart_is_part_of_the_summary() -> None:
    first = NarrateNode(NarrateConfig("template"))
    told = [moment(spot("closed"), say) for say in said(first, spot("closed")) if say.final]
    node = NarrateNode(NarrateConfig("template"), told=told)
    *_, summary, _ = live(node, [spot("closed", 1), END])
    assert isinstance(summary, Say)
    assert "2 micro-expressions" in summary.text


def test_nothing_is_read_into_speech() -> None:
    (say,) = said(NarrateNode(NarrateConfig("template")), structs.replace(spot("closed"), kind="speech", movements=5))
    assert say.final
    assert "5 times" in say.text
    assert (say.action_units, say.label) == ((), "none")


def test_a_spot_handed_in_again_is_answered_once() -> None:
    node = NarrateNode(NarrateConfig("template"))
    assert said(node, spot("closed"))
    assert said(node, spot("closed")) == []
    assert said(node, spot("closed", spot_id=1))


def test_a_revoked_spot_is_taken_back_in_words() -> None:
    (say,) = said(NarrateNode(NarrateConfig("template")), spot("revoked"))
    assert say.final
    assert say.label == "none"


def test_an_unknown_narrator_is_named() -> None:
    with pytest.raises(NarratorError, match=r"'homer'.*template"):
        NarrateNode(NarrateConfig("homer"))
