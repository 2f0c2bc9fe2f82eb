"""`python -m bench.gpu`."""

import sys

from bench.gpu.command import app

if __name__ == "__main__":
    raise SystemExit(app(sys.argv[1:], result_action="return_value"))
