import os
import threading

import pytest

from engines.quiet import quiet_stderr


def test_what_compiled_code_writes_is_not_seen_and_what_comes_after_is(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"chatter")
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"


def test_it_ends_with_an_error_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), quiet_stderr():
        raise RuntimeError
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"


def test_threads_that_are_quiet_at_once_leave_it_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    def chatter() -> None:
        for _ in range(300):
            with quiet_stderr():
                os.write(2, b"chatter")

    threads = [threading.Thread(target=chatter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"
