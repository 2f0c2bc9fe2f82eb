"""`python -m engines.mellm.export`: a trained narrator as the GGUF file that ships."""

import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from engines.mellm.gguf import FORMATS, GgufError, QuantiseError, quantise, write_gguf
from engines.mellm.registry import HOUSE, SHIPPED

app = App(name="engines.mellm.export", help_format="plaintext")

NAME = "MELLM"


@app.default
def export(
    run: Annotated[Path, Parameter(help="Folder that python -m engines.mellm.train wrote.")],
    *,
    out: Annotated[Path, Parameter(help="The .gguf to write.")] = SHIPPED,
    quantisation: Annotated[str, Parameter(help=f"f16, or {' or '.join(FORMATS)}.")] = "Q8_0",
) -> int:
    """Write a trained narrator as GGUF, which says of itself that it takes the house prompt."""
    console = Console()
    if quantisation != "f16" and quantisation not in FORMATS:
        console.print(f"error: --quantisation {quantisation}: there are f16, {', '.join(FORMATS)}", style="red")
        return 2
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        values = {"mellm.prompt": HOUSE}
        if quantisation == "f16":
            write_gguf(run, out, name=NAME, license_name="apache-2.0", values=values)
        else:
            with tempfile.TemporaryDirectory() as folder:
                whole = Path(folder) / "f16.gguf"
                write_gguf(run, whole, name=NAME, license_name="apache-2.0", values=values)
                quantise(whole, out, quantisation)
    except (GgufError, QuantiseError) as error:
        console.print(f"error: {error}", style="red", soft_wrap=True)
        return 2
    console.print(f"{out}: {out.stat().st_size / 1e6:.1f} MB", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(app(result_action="return_value"))
