"""The command `mellm`: its commands put together, and how it ends."""

import io
import os
import signal
import sys

from cyclopts import App, Parameter

import realtime
from engines.mellm import NarratorError
from engines.runtime import EngineError
from realtime.commands.analyze import analyze
from realtime.commands.calibrate import calibrate
from realtime.commands.doctor import doctor
from realtime.commands.engine import engine
from realtime.commands.export import export
from realtime.commands.live import live
from realtime.commands.options import UsageError, complain, obey, paragraphs, reason
from realtime.commands.pairs import explain, flow
from realtime.commands.replay import replay
from realtime.commands.schema import schema
from realtime.commands.settings import settings
from realtime.config import ConfigError
from realtime.dashboard.door import DashboardError
from realtime.recording import NoRestError
from realtime.recordings.journal import RecordingError
from realtime.ring import RingError
from realtime.source import SourceError
from realtime.supervisor import SessionError

app = App(
    name="mellm",
    help="Real-time micro-expression perception: what a face did for a fifth of a second, measured and said in words.",
    version=lambda: realtime.__version__,
    help_format="plaintext",
    # An empty default says that nothing is asked for: what happens then stands in the option's own words.
    default_parameter=Parameter(show_default=lambda value: str(value) if value else None),
    suppress_keyboard_interrupt=False,  # `run` ends a Ctrl-C its own way
)
for command in (live, replay, export, calibrate, analyze, flow, explain, settings, schema, doctor):
    app.command(command, help=paragraphs(command))
app.command(engine)
# The benchmarks stand a floor higher: they are named here, and imported only when one is asked for.
BENCH = "bench.cli:app"
app.command(BENCH, name="bench", help="Measure what this machine gives: frame rate, latency, CPU, memory.")


def run() -> None:
    """Run a command; whatever the user can mend ends as one line on stderr and a status other than 0."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a letter that it cannot write ends no command; as on stderr
    for polite in (signal.SIGTERM, signal.SIGHUP):  # a kill, or a closed terminal, stops as cleanly as Ctrl-C
        if signal.getsignal(polite) is not signal.SIG_IGN:  # as under nohup
            signal.signal(polite, signal.default_int_handler)
    try:
        status = _status()
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("stopped")
        status = 0 if sys.argv[1:2] == ["live"] else 130
    except BrokenPipeError:  # whoever read has seen enough, as head does; nor is there anybody for what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    raise SystemExit(status)


def _status() -> int:
    try:
        return obey(app, "mellm")
    except (
        UsageError, ConfigError, SourceError, NoRestError, EngineError, NarratorError, RingError, SessionError,
        DashboardError, RecordingError,
    ) as error:  # fmt: skip
        complain(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(reason(error))
    except ImportError as error:
        if BENCH not in str(error):
            raise
        complain(f"the benchmarks cannot be loaded ({error.__cause__ or error}); make install installs all of it")
    return 1
