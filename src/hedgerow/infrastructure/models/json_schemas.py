"""JSON Schemas as providers that follow OpenAI take them."""

from __future__ import annotations

import json
from typing import Any, Final, cast

from google.genai import types
from pydantic import TypeAdapter

Schema = dict[str, Any]
_NAMED: Final = ("properties", "$defs")
_LISTED: Final = ("anyOf", "oneOf", "allOf", "prefixItems")


def wanted_schema(config: types.GenerateContentConfig) -> Schema | None:
    """The schema that the answer has to fit, if any."""
    if config.response_json_schema is not None:
        return dict(config.response_json_schema)
    wanted = config.response_schema
    match wanted:
        case None:
            return None
        case types.Schema():
            return _plain(wanted)
        case dict():
            return dict(wanted)
        case _:
            adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, wanted))
            return adapter.json_schema()


def parameters_of(function: types.FunctionDeclaration) -> Schema:
    """The schema of a tool's arguments."""
    if function.parameters_json_schema is not None:
        return dict(function.parameters_json_schema)
    if function.parameters is not None:
        return _plain(function.parameters)
    return {"type": "object", "properties": {}}


def strict(schema: Schema) -> Schema | None:
    """The schema as OpenAI's strict mode wants it, or None where it cannot be said so.

    Every property is required and no other allowed; defaults are dropped, and what stands beside a
    reference. An object whose keys are free cannot be said.
    """
    return None if _has_free_keys(schema) else _strict(schema)


def told(schema: Schema) -> str:
    """A schema in words, for models that are not held to one."""
    return (
        "Answer with one JSON value that fits this JSON Schema, and with nothing else:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def _plain(schema: types.Schema) -> Schema:
    return schema.json_schema.model_dump(mode="json", by_alias=True, exclude_none=True)


def _children(schema: Schema) -> list[Schema]:
    named = [child for key in _NAMED for child in schema.get(key, {}).values()]
    listed = [child for key in _LISTED for child in schema.get(key, ())]
    return [*named, *listed, *([schema["items"]] if "items" in schema else [])]


def _has_free_keys(schema: Schema) -> bool:
    is_free = schema.get("type") == "object" and "properties" not in schema
    return is_free or any(_has_free_keys(child) for child in _children(schema))


def _strict(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    made = {key: value for key, value in schema.items() if key != "default"}
    for key in _NAMED:
        if key in made:
            made[key] = {name: _strict(child) for name, child in made[key].items()}
    for key in _LISTED:
        if key in made:
            made[key] = [_strict(child) for child in made[key]]
    if "items" in made:
        made["items"] = _strict(made["items"])
    if made.get("type") == "object":
        made |= {"required": list(made["properties"]), "additionalProperties": False}
    return made
