import signal
import socket
import threading

from realtime.environment import undisturbed


def test_a_signal_that_another_thread_is_given_is_held_back_too() -> None:
    heard: list[int] = []
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    with reading, writing:
        woken = signal.set_wakeup_fd(writing.fileno())
        try:
            with undisturbed(), undisturbed():  # as where a process is started while a session is set up
                signal.pthread_kill(other.ident or 0, signal.SIGTERM)
                assert reading.recv(1) == bytes([signal.SIGTERM])  # it has come
                assert heard == []
            assert heard == [signal.SIGTERM]
        finally:
            signal.set_wakeup_fd(woken)
            signal.signal(signal.SIGTERM, before)
            done.set()
            other.join()
