"""`python -m bench COMMAND`: the measures of the house by name."""

import sys

from cyclopts import App

from bench.flow.command import flow
from bench.gpu.command import gpu
from bench.latency import latency
from bench.narration.command import narration
from bench.screens import screens
from bench.spotting.command import spotting

app = App(name="bench", help="Measures the house.", help_format="plaintext")
app.command(flow)
app.command(gpu)
app.command(latency)
app.command(narration)
app.command(screens)
app.command(spotting)

if __name__ == "__main__":
    raise SystemExit(app(sys.argv[1:], result_action="return_value"))
