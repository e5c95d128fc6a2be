"""The documentation page of a service, from its OpenAPI description: plain HTML, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
    "code{font-family:ui-monospace,monospace}h2{margin-top:2rem}"
)


def page(openapi: Mapping[str, Any]) -> str:
    """The description as a page for people.

    Args:
        openapi: The OpenAPI description, as FastAPI makes it.

    Returns:
        A whole HTML document.

    Chapter: Online execution.

    >>> "<h1>t 1</h1>" in page({"info": {"title": "t", "version": "1", "description": ""}, "paths": {}})
    True
    """
    info, models = openapi["info"], openapi.get("components", {}).get("schemas", {})
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main><h1>{title}</h1>',
        f"<p>{escape(info['description'])} For programs: <code>/openapi.json</code>.</p>",
    ]
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(told['summary'])}.</p>")
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if body:
                parts.append(f"<p>Body: {_type(body)}</p>")
            rows = [(status, *_answer(answer)) for status, answer in told["responses"].items()]
            parts.append(_table(("status", "meaning", "body"), rows))
    for name, model in models.items():
        fields = [
            (
                f"<code>{escape(field)}</code>",
                _type(kind),
                "required" if field in model.get("required", []) else "",
                escape(kind.get("description", "")),
            )
            for field, kind in model.get("properties", {}).items()
        ]
        parts.append(f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{escape(model.get("description", ""))}</p>')
        parts.append(_table(("field", "type", "", "meaning"), fields))
    return "".join((*parts, "</main></body></html>"))


def _answer(told: Mapping[str, Any]) -> tuple[str, str]:
    content = told.get("content", {}).get("application/json", {}).get("schema")
    return escape(told.get("description", "")), _type(content) if content else "text"


def _type(schema: Mapping[str, Any]) -> str:
    """A type in words, its bounds in brackets; a model is a link to its table."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        inner, kind = _type(schema.get("items", {})), "list of "
    else:
        inner, kind = escape(str(schema.get("type", "anything"))), ""
    bounds = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")
    told = ", ".join(f"{bound} {escape(str(schema[bound]))}" for bound in bounds if bound in schema)
    return f"{kind}{inner}" + (f" ({told})" if told else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
