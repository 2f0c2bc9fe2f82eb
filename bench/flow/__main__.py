"""`python -m bench.flow`, the same as `python -m bench flow`."""

import sys

from bench.flow.command import app

raise SystemExit(app(sys.argv[1:], result_action="return_value"))
