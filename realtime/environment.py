"""Environment variables that native libraries read when they are loaded: set them before importing any."""

import os

THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
"""One thread a process, and waits that do not spin: two processes that spin take each other's cores."""

SILENCE = {"OPENCV_LOG_LEVEL": "ERROR", "OPENCV_FFMPEG_LOGLEVEL": "-8", "GLOG_minloglevel": "2"}
"""No chatter from OpenCV, FFmpeg and MediaPipe: what goes wrong is said once, by us."""


def prepare() -> None:
    """Set what the user has not set."""
    for key, value in {**THREADS, **SILENCE}.items():
        os.environ.setdefault(key, value)
