"""The messages' JSON Schema, made from their types, in the plain form that viewers of recordings understand.

MCAP viewers want one object with its fields in it: no references, no unions, no tuples. What stands for nothing is left
out of a message (`realtime.recordings.journal`), so that a field's type needs no null.
"""

import inspect
from typing import Any, get_args

import msgspec

from realtime.messages import VERSION, AnyMessage, Message

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def message_types() -> tuple[type[Message], ...]:
    """Every message that travels."""
    return get_args(AnyMessage)


def message_schema(kind: type[Message]) -> dict[str, Any]:
    """A message's schema as one self-contained object."""
    (reference,), parts = msgspec.json.schema_components([kind], ref_template="{name}")
    return {"$schema": DIALECT, **_flat(parts[reference["$ref"]], parts)}


def all_schemas() -> dict[str, Any]:
    """One schema for any message: `oneOf` all of them, told apart by `type`."""
    schemas = [message_schema(kind) for kind in message_types()]
    for schema in schemas:
        del schema["$schema"]
    return {"$schema": DIALECT, "title": f"mellm-live message, version {VERSION}", "oneOf": schemas}


def _flat(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """The same with references resolved and unions and tuples made plain."""
    if "$ref" in schema:
        return _flat(parts[schema["$ref"]], parts)
    if "anyOf" in schema:  # something or nothing
        return _flat(next(choice for choice in schema["anyOf"] if choice.get("type") != "null"), parts)
    flat = dict(schema)
    if "description" in flat:
        flat["description"] = inspect.cleandoc(flat["description"])
    if "enum" in flat:
        flat["enum"] = [value for value in flat["enum"] if value is not None]
        flat.setdefault("type", "string")
    if "default" in flat and flat["default"] is None:
        del flat["default"]
    if "prefixItems" in flat:
        flat["items"] = flat.pop("prefixItems")[0]
    if isinstance(flat.get("items"), dict):
        flat["items"] = _flat(flat["items"], parts)
    if "properties" in flat:
        flat["properties"] = {name: _flat(part, parts) for name, part in flat["properties"].items()}
    return flat
