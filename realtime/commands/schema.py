"""`mellm schema`."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from realtime.commands.options import UsageError


def schema(
    message: Annotated[str, Parameter(help="Of this message only, such as Spot; by default of all.")] = "",
) -> int:
    """Print the JSON Schema of the messages: of those in recordings and on ZeroMQ (as msgpack).

    Example: mellm schema Spot
    """
    from realtime.schema import all_schemas, message_schema, message_types

    kinds = {kind.__name__: kind for kind in message_types()}
    if message and message not in kinds:
        raise UsageError(f"no message {message!r}; there are: {', '.join(sorted(kinds))}")
    found = message_schema(kinds[message]) if message else all_schemas()
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return 0
