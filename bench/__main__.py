"""`python -m bench`: what native libraries read when first imported is set, then the command runs."""

from realtime.environment import prepare


def main() -> int:
    """Entry point: the exit status."""
    prepare()
    from bench.cli import main as run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
