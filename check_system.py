"""Says which Debian package is missing, before and after the Python packages are installed. Needs no package itself."""

import ctypes
import importlib
import importlib.util
import shutil
import sys


def fail(problem: str, package: str) -> None:
    """End with one line that says what to install."""
    sys.exit(f"error: {problem}: sudo apt-get install {package}")


def before() -> None:
    """What `python -m venv` and the wheels need."""
    if importlib.util.find_spec("ensurepip") is None:
        fail("this Python cannot make environments", "python3-venv")
    for library, package in (
        ("libGL.so.1", "libgl1"),
        ("libEGL.so.1", "libegl1"),
        ("libGLESv2.so.2", "libgles2"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
    ):
        try:
            ctypes.CDLL(library)
        except OSError:
            fail(f"the system library {library} is missing (OpenCV and MediaPipe load it)", package)


def compiler() -> None:
    """What building llama-cpp-python needs."""
    if shutil.which("gcc") is None or shutil.which("g++") is None:
        fail("no C++ compiler, which the build of llama-cpp-python needs", "build-essential")


def after() -> None:
    """The packages that load system libraries do load."""
    for module in ("cv2", "mediapipe", "openvino", "zmq", "msgspec", "pyarrow"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing = str(error).split(":")[0]
            sys.exit(f"error: {module} does not load ({error}); its package: apt-file search {missing}")


if __name__ == "__main__":
    {"before": before, "after": after, "compiler": compiler}[sys.argv[1]]()
