"""Options that mean nothing without another one."""

from collections.abc import Mapping

from realtime.commands.options import UsageError


def refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would be ignored.

    Args:
        given: options and their values; None, False and "" are those of one that was not given.
        why: what is wrong with giving them.

    Raises:
        UsageError: one was given.
    """
    for option, value in given.items():
        if not (value is None or value is False or value == ""):
            raise UsageError(f"{option}: {why}")
