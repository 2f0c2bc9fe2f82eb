"""A face whose motion is known exactly: photo + action-unit script → frames with true flow, events and head motion."""

from calib.phantom.distractors import Distractor
from calib.phantom.face import PhantomFace, portrait
from calib.phantom.performance import long_script
from calib.phantom.script import Nuisance, PhantomEvent, PhantomScript, demo_script
from calib.phantom.video import PhantomVideo, TrueFlow

__all__ = [
    "Distractor",
    "Nuisance",
    "PhantomEvent",
    "PhantomFace",
    "PhantomScript",
    "PhantomVideo",
    "TrueFlow",
    "demo_script",
    "long_script",
    "portrait",
]
