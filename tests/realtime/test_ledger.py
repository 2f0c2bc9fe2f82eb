from realtime.ledger import Ledger
from realtime.messages import Face, Frame, Lost, Motion, Phase, Say, Spot
from tests.realtime.messages import face


def spot(spot_id: int, phase: Phase) -> Spot:
    return Spot(seq=1, t_capture_ns=0, t_media_ns=5, spot_id=spot_id, phase=phase, onset_ns=1)


def test_faces_and_events_are_counted_from_one() -> None:
    assert (Ledger().resume.face_id, Ledger().resume.spot_id) == (1, 1)


def test_an_event_is_open_then_unanswered_then_done() -> None:
    ledger = Ledger()
    ledger.note(spot(3, "rising"))
    assert list(ledger.open) == [3]
    ledger.note(spot(3, "closed"))
    assert (list(ledger.open), list(ledger.unanswered)) == ([], [3])
    ledger.note(Say(seq=1, t_capture_ns=0, t_media_ns=5, spot_id=3, text="…"))
    assert list(ledger.unanswered) == [3]
    ledger.note(Say(seq=1, t_capture_ns=0, t_media_ns=5, spot_id=3, text="all", final=True))
    assert ledger.unanswered == {}
    assert ledger.resume.spot_id == 4


def test_the_stream_s_beginning_and_time_are_kept() -> None:
    ledger = Ledger()
    assert ledger.resume.start_ns == -1
    for seq, t_ns in ((0, 10), (1, 43)):
        ledger.note(Frame(seq=seq, t_capture_ns=1000 + t_ns, t_media_ns=t_ns, width=64, height=48))
    assert ledger.resume.start_ns == 1000
    assert ledger.media_ns == 43


def test_a_lost_face_is_forgotten() -> None:
    ledger = Ledger()
    ledger.note(Lost(seq=0, face_id=7, t_capture_ns=0, t_media_ns=0, cause="never seen"))
    assert ledger.faces == {}
    assert ledger.resume.face_id == 1


def test_what_was_answered_and_taken_back_is_known_after_a_restart() -> None:
    ledger = Ledger()
    for spot_id, phase in ((0, "closed"), (1, "revoked"), (2, "closed")):
        ledger.note(spot(spot_id, phase))  # type: ignore[arg-type]
    for spot_id in (0, 0, 1, -1):
        ledger.note(Say(seq=1, t_capture_ns=0, t_media_ns=5, spot_id=spot_id, text="all", final=True))
    assert len(ledger.resume.told) == 1
    assert ledger.resume.revoked == 1
    assert list(ledger.unanswered) == [2]


def test_faces_go_with_who_followed_them_and_open_events_with_who_spotted_them() -> None:
    ledger = Ledger()
    for message in (face(face_id=2), spot(0, "closed"), spot(1, "rising"), spot(2, "apex")):
        ledger.note(message)
    (lost,) = ledger.gone_with(Face, 9, 70)
    assert isinstance(lost, Lost)
    assert (lost.face_id, lost.seq, lost.t_capture_ns, lost.t_media_ns) == (2, 9, 70, ledger.media_ns)
    revoked = ledger.gone_with(Motion, 9, 70)
    assert [(s.spot_id, s.phase) for s in revoked if isinstance(s, Spot)] == [(1, "revoked"), (2, "revoked")]
    assert list(ledger.gone_with(Say, 9, 70)) == []
    for gone in (lost, *revoked):
        ledger.note(gone)
    assert [*ledger.gone_with(Face, 9, 70), *ledger.gone_with(Motion, 9, 70)] == []
