"""`mellm` and `python -m realtime.cli`: what native libraries read when first imported is set, then a command runs."""

from realtime.environment import prepare


def main() -> None:
    """Entry point."""
    prepare()
    try:
        from realtime.app import run
    except KeyboardInterrupt:  # it takes a moment
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
