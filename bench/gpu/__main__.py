"""`python -m bench.gpu`, the same as `python -m bench gpu`."""

import sys

from bench.gpu.command import app

raise SystemExit(app(sys.argv[1:], result_action="return_value"))
