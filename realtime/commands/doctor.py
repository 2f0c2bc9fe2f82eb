"""`mellm doctor`."""

from rich.text import Text

from realtime.commands.options import plain


def doctor() -> int:
    """Say what is installed, which cameras, engines and models work, what is missing and how to mend it."""
    from realtime.doctor import examine

    console = plain()
    signs = {"ok": ("✓ ", "green"), "missing": ("✗ ", "red"), "note": ("• ", "yellow")}
    missing = 0
    for finding in examine():
        missing += finding.verdict == "missing"
        told = Text.assemble(signs[finding.verdict], (finding.subject, "bold"), ": ", finding.detail)
        console.print(told, soft_wrap=True)
        if finding.remedy:
            console.print(f"    → {finding.remedy}", style="cyan", soft_wrap=True)  # a command, to be copied
    return 1 if missing else 0
