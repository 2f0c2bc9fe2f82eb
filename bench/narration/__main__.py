"""`python -m bench.narration`, the same as `python -m bench narration`."""

import sys

from bench.narration.command import app

raise SystemExit(app(sys.argv[1:], result_action="return_value"))
