"""Whether a value is what an OpenAPI document promises: the part of JSON Schema that it needs."""

from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 12
_MOST_CHOICES: Final = 4
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def contradiction(document: Any, schema: Any, value: Any, at: str = "", deep: int = 0) -> str:
    """Return what in `value` isn't as `schema` of `document` says; "" if all is."""
    if deep > _DEEPEST or not isinstance(schema, dict):
        return f"{at or 'the schema'}: not a schema"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        schema = document.get("components", {}).get("schemas", {}).get(name)
        return contradiction(document, schema, value, at, deep + 1)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            # Few and shallow: a document written to be endless must end here.
            few = schema[choice][:_MOST_CHOICES] if deep < _DEEPEST // 2 else []
            told = [contradiction(document, one, value, at, deep + 1) for one in few]
            return "" if "" in told else told[0] if told else f"{at}: no choice"
    return _typed(schema, value, at) or _inside(document, schema, value, at, deep)


def _typed(schema: Mapping[str, Any], value: object, at: str) -> str:
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    fits = [
        isinstance(value, _TYPES.get(name, ()))
        and (name == "boolean" or not isinstance(value, bool))
        for name in names
    ]
    if fits and not any(fits):
        return f"{at or 'the answer'}: expected {' or '.join(names)}, got {type(value).__name__}"
    if "const" in schema and value != schema["const"]:
        return f"{at}: expected {schema['const']!r}, got {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at}: expected one of {schema['enum']!r}, got {value!r}"
    return ""


def _inside(document: Any, schema: Mapping[str, Any], value: object, at: str, deep: int) -> str:
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            if told := contradiction(document, schema["items"], item, f"{at}[{place}]", deep + 1):
                return told
    if not isinstance(value, dict):
        return ""
    missing = [name for name in schema.get("required", []) if name not in value]
    if missing:
        return f"{at or 'the answer'}: {missing[0]} is missing"
    for name, inner in schema.get("properties", {}).items():
        if name in value and (
            told := contradiction(document, inner, value[name], f"{at}.{name}".strip("."), deep + 1)
        ):
            return told
    return ""
