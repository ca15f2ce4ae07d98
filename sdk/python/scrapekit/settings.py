"""Settings: a dataclass gives the JSON Schema that the host checks the pipeline file against."""
import dataclasses
import json
import typing

from .errors import Permanent

# The keywords of scrapekit's own in a settings schema; sdk/config.go says what they mean.
_OWN = ("sensitive", "host", "path", "dial")
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_CHECKS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def setting(doc, *, default=dataclasses.MISSING, enum=None, minimum=None, maximum=None, example=None,
            sensitive=False, host=False, path=None, dial=False):
    """A field of a settings class. Without a default the setting is required.

    host: a URL whose host the plugin may reach. path: "read" or "write"; the plugin gets it absolute. dial: an address,
    host:port or a URL, to which the plugin may connect. sensitive: it is never printed.
    """
    more = dict(description=doc, enum=enum, minimum=minimum, maximum=maximum, examples=[example] if example is not None else None)
    own = dict(sensitive=sensitive, host=host, path=path, dial=dial)
    more.update({f"x-scrapekit-{k}": own[k] or None for k in _OWN})
    meta = {"schema": {k: v for k, v in more.items() if v is not None}}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=meta)
    return dataclasses.field(default=default, metadata=meta)


def schema_of(settings):
    """The JSON Schema of a settings class; None: a plugin without settings."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {}, "additionalProperties": False}
    if settings is None:
        return schema
    hints = typing.get_type_hints(settings)
    required = []
    for field in dataclasses.fields(settings):
        one = {**_type_of(hints[field.name], field.name), **field.metadata.get("schema", {})}
        if field.default_factory is not dataclasses.MISSING:
            one["default"] = field.default_factory()
        elif field.default is dataclasses.MISSING:
            required.append(field.name)
        elif field.default is not None:
            one["default"] = field.default
        schema["properties"][field.name] = one
    if required:
        schema["required"] = required
    return schema


def _type_of(hint, name):
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": _type_of(args[0], name)}
    if origin is dict and args[0] is str:
        return {"type": "object", "additionalProperties": _type_of(args[1], name)}
    if type(None) in args and len(args) == 2:
        return _type_of(next(a for a in args if a is not type(None)), name)
    raise TypeError(f"the setting {name} cannot be {hint}: it may be a str, int, float or bool, a list or dict[str, …] of these, or one of them | None")


def decode(settings, raw):
    """Checks the settings, applies the defaults, and makes an object of the settings class. The host has checked them
    already: this is for a plugin that something else than the host starts."""
    schema = schema_of(settings)
    given = json.loads(raw or b"{}")
    for name in given:
        if name not in schema["properties"]:
            raise Permanent(f"settings: there is no setting {name!r}")
    for name, one in schema["properties"].items():
        if given.get(name) is None:
            given.pop(name, None)
            if name in schema.get("required", ()):
                raise Permanent(f"settings: {name} is missing")
        else:
            given[name] = _checked(one, given[name], name)
    return settings(**given) if settings else None


def _checked(schema, value, name):
    kind = schema["type"]
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)  # 3.0 is 3
    fits = isinstance(value, _CHECKS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits or "enum" in schema and value not in schema["enum"] or "minimum" in schema and value < schema["minimum"] \
            or "maximum" in schema and value > schema["maximum"]:
        shown = "that" if "x-scrapekit-sensitive" in schema else repr(value)
        raise Permanent(f"settings: {name} cannot be {shown}")
    if kind == "array":
        return [_checked(schema["items"], v, f"{name}[{i}]") for i, v in enumerate(value)]
    if kind == "object":
        return {k: _checked(schema["additionalProperties"], v, f"{name}.{k}") for k, v in value.items()}
    return value
