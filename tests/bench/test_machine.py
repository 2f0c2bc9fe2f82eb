from pathlib import Path

from bench import machine


def test_a_command_says_what_it_was_told_and_not_where_files_lie() -> None:
    told = machine.command(
        "flow", photos=Path("/somewhere/my photos"), held_out=None, smiles=(Path("a/neutral"), Path("b/smiling")),
        engines="", pairs=24,
    )  # fmt: skip
    assert told == "`python -m bench flow --photos 'my photos' --smiles neutral smiling --pairs 24`"
