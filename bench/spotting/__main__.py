"""`python -m bench.spotting`, the same as `python -m bench spotting`."""

import sys

from bench.spotting.command import app

raise SystemExit(app(sys.argv[1:], result_action="return_value"))
