"""What the words of the benchmark's page mean."""

from bench.spotting.local_rise import CUT_HZ, WINDOW_S
from bench.spotting.plain_flow import INTERVALS_S
from bench.spotting.scores import AFTER_S, FLOOR_IOD
from bench.spotting.videos import HEIGHT, IOD_PX, WIDTH
from calib.phantom.performance import BLINKS_PER_MINUTE, MACRO_IOD, MICRO_IOD, SHORTEST_S, TOTAL_MS
from calib.phantom.scoring import IOU_LIMIT
from calib.phantom.script import MICRO_LIMIT_S


def definitions(levels: str) -> str:
    """The paragraphs below the tables, Markdown.

    Args:
        levels: thresholds that the whole-video methods were given, in words.
    """
    paragraphs = [
        f"**Videos**: frames of {WIDTH}×{HEIGHT} px with {IOD_PX[0]:g}–{IOD_PX[1]:g} px between the eyes, rendered by "
        "the phantom (`calib/phantom`), so that every event is known; the same performances at every frame rate. "
        f"Micro-expressions last {SHORTEST_S:g}–{MICRO_LIMIT_S:g} s, drawn from the durations annotated in "
        f"{', '.join(TOTAL_MS)}, and have {MICRO_IOD[0]:g}–{MICRO_IOD[1]:g} IOD; macro-expressions 0.6–3 s and "
        f"{MACRO_IOD[0]:g}–{MACRO_IOD[1]:g} IOD; sizes are those of the region that moves most, log-uniform. "
        "Expressions are one- and two-sided. The head is solid and sways all the time, the light drifts, the sensor is "
        f"noisy (σ 1–3), two videos of three are JPEG-compressed, and the eyes blink {BLINKS_PER_MINUTE:g} times a "
        "minute, also during expressions. IOD is the distance between the eyes.",
        "**Distractors** happen between the expressions. *Wink*: one eye. *Gaze*: the irises turn. *Speech*: the mouth "
        "opens 3–6 times a second by 0.02–0.06 IOD, for 1–4 s. *Head turn*: 2–20° and back. *Nod*: 2–10°, one to three "
        "times. *Leaning in*: the face grows by 4–20 %. *Light step*: 3–12 % at once, and back. *Flicker*: a gain "
        "ripple of 1–5 % at 50, 100 or 120 Hz that beats against the frame rate. *Auto-exposure*: the gain ramps by up "
        "to 30 % and back. *Key frames*: JPEG quality jumps from 20–45 to 85 every 0.3–1 s and sinks again.",
        f"**F1, precision, recall** follow the MEGC: what was found is right if it overlaps a true event of its kind, "
        f"not matched yet, with an intersection over union of {IOU_LIMIT:g} or more; counts are pooled over videos; F1 "
        f"= 2 TP / (2 TP + FP + FN). *Micro* lasts {MICRO_LIMIT_S:g} s or less, by what was found as well as by the "
        "truth; *overall* adds the counts of both kinds.",
        f"**Events of {FLOOR_IOD:g} IOD and more**: smaller ones, and what was found of them, are neither true nor "
        "false. So is one macro-expression a stretch of speech, the longest found: the face did move for so long. "
        "Every other event found in speech is false, every micro-expression among them.",
        "**False a minute**: what was found and overlaps no true event at all, a minute of time without expressions, "
        f"distractors and blinks included. It is put down to the distractor that it fits best, up to {AFTER_S:g} s "
        "after it.",
        "**Taken back a minute**: what was told of as an event, with its apex, overlaps no true event from its onset "
        "to that apex, and was revoked later: a false alarm for whoever watched, although it was corrected. It is "
        "neither a true nor a false positive anywhere else: those are counted from what was closed. A minute of the "
        "same time, and put down to distractors in the same way. Whole-video methods tell nothing that they could "
        "take back.",
        "**Onset, apex, offset**: mean absolute errors over the true positives. The true onset is where a raised "
        "cosine leaves zero, the true apex where it first reaches its peak. **Told after**: from the true apex until "
        "the spotter tells of an apex, in stream time; what the computer takes comes on top; of fewer than 20 events "
        "the p95 is hardly less than the largest. Whole-video methods tell nothing before the end.",
        "**Action units F1, magnitude**: of the true positives, smaller events among them. The units are those that "
        "MELLM's reader reads in the event's own flow, which is measured once more from before its onset to its apex; "
        "one on the wrong side is wrong. The magnitude is the mean displacement of the region that moved most, taken "
        "at one frame, which seldom is the very apex, and told as a share of the true amplitude.",
        "**Right, by the spotter's confidence**: of all events that it closed with such a confidence, the share that "
        "were true positives; all sizes of events count.",
        "**Methods**. All of them get the same motions of the 29 regions, from the pipeline's own alignment, flow and "
        "head fit, with each flow engine.",
    ]
    methods = [
        "spotter: the live pipeline's (`realtime/spot.py`), which knows no future; its default settings",
        "plain flow: one threshold for the whole video, after Moilanen et al., ICPR 2014: every frame against the mean "
        f"of those half an interval before and after, intervals of {INTERVALS_S[0]:g} and {INTERVALS_S[1]:g} s "
        "(`bench/spotting/plain_flow.py`)",
        f"local rise: training-free, after He, ACM MM 2021: windows of {WINDOW_S:g} s against their first frame, below "
        f"{CUT_HZ:g} Hz, peaks that rise and fall by a threshold, edges at a third of their height, no eyelids "
        "(`bench/spotting/local_rise.py`)",
        "The two whole-video methods were given the threshold, of eleven each, with the best overall F1 on these very "
        f"videos, which favours them: {levels}",
    ]
    return "\n\n".join(paragraphs) + "\n\n" + "\n".join(f"- {method}" for method in methods)
