"""`mellm`, and `python -m realtime`: what native libraries read when first imported is set, then the command runs."""

from realtime.environment import prepare


def main() -> None:
    """Entry point."""
    prepare()
    from realtime.cli import main as run

    run()


if __name__ == "__main__":
    main()
