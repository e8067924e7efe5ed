"""`make client`: writes the typed bodies of the Python client from the service's OpenAPI document."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings

SCHEMAS = Path(__file__).parent / "python" / "churn_client" / "schemas.py"
HEAD = '''\
# ruff: noqa
"""Bodies of requests and answers. `make client` generates this file from the OpenAPI document; do not edit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
'''
PLAIN = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
REQUESTED = "Customer"
"""Of this class, clients need to know the bounds and units."""
PARAGRAPH, WIDTH = "\n\n", 112


def document() -> dict[str, Any]:
    """Return the OpenAPI document of this checkout."""
    return create_app(Settings(log_url="")).openapi()


def render(document: Mapping[str, Any]) -> str:
    """Return the module with a dataclass for each schema of the document.

    Raises:
        ValueError: a schema has a form that no annotation is known for.
    """
    classes = ["\n".join(_class(name, schema)) for name, schema in document["components"]["schemas"].items()]
    ruff = [sys.executable, "-m", "ruff", "format", "--quiet", "--stdin-filename", str(SCHEMAS), "-"]
    done = subprocess.run(ruff, input="\n\n".join([HEAD, *classes]), capture_output=True, text=True, check=True)
    return done.stdout


def _class(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield "@dataclass(frozen=True, kw_only=True)"
    yield f"class {name}:"
    yield f"    {_docstring(schema['description'].partition(PARAGRAPH)[0])}\n"
    for field, declared in schema["properties"].items():
        default = "" if field in schema.get("required", ()) else _default(declared)
        yield f"    {field}: {_annotation(declared)}{default}"
        described = [declared.get("description"), _limits(declared) if name == REQUESTED else None]
        if any(described):
            yield f"    {_docstring(' '.join(filter(None, described)))}"


def _annotation(schema: Mapping[str, Any]) -> str:  # noqa: C901, PLR0911  # one for each form
    match schema:
        case {"$ref": path}:
            return str(path).rpartition("/")[2]
        case {"anyOf": options}:
            return " | ".join(map(_annotation, options))
        case {"const": value}:
            return f"Literal[{value!r}]"
        case {"enum": values}:
            return f"Literal[{', '.join(map(repr, values))}]"
        case {"type": "array", "items": items}:
            return f"list[{_annotation(items)}]"
        case {"type": "array", "prefixItems": [_, *_] as items}:
            return f"tuple[{', '.join(map(_annotation, items))}]"
        case {"type": "object", "additionalProperties": values}:
            return f"dict[str, {_annotation(values)}]"
        case {"type": "string", "format": "date-time"}:
            return "datetime"
        case {"type": str(kind)} if kind in PLAIN:
            return PLAIN[kind]
        case _ if "type" not in schema:
            return "Any"
    raise ValueError(f"No annotation is known for the schema {schema}. Add its form to clients/generate.py.")


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default", {} if schema.get("type") == "object" else None)
    return f" = field(default_factory={type(value).__name__})" if isinstance(value, list | dict) else f" = {value!r}"


def _limits(schema: Mapping[str, Any]) -> str:
    """Describe the bounds and the unit, which an annotation cannot."""
    numbers = schema["anyOf"][0] if "anyOf" in schema else schema
    words = [f"{word} {numbers[limit]:,.15g}" for limit, word in LIMITS.items() if limit in numbers]
    if "clipped_to" in numbers:
        low, high = numbers["clipped_to"]
        words.append(f"clipped to the range {low:,.15g} to {high:,.15g}")
    text = ", ".join([*words, f"in {schema['unit']}"] if "unit" in schema else words)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _docstring(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"', "'")
    return '"""{}"""'.format("\n    ".join(textwrap.wrap(safe, WIDTH)))


if __name__ == "__main__":
    found = document()
    SCHEMAS.write_text(render(found), encoding="utf-8")
    sys.stdout.write(f"{SCHEMAS.relative_to(Path.cwd())}: {len(found['components']['schemas'])} types\n")
