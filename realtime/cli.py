"""`mellm` and `python -m realtime.cli`: what native libraries read when first imported is set, then a command runs."""

import os
import signal


def main() -> None:
    """Entry point."""
    try:
        heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not in a script's background
        if heeded:
            # What a Ctrl-C raises while native libraries are imported, they print or turn into other errors.
            signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        try:
            from realtime.environment import prepare

            prepare()
            from realtime.app import run
        finally:
            if heeded:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:  # before or after `run` ends it its own way
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
