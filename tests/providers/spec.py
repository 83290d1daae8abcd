"""Requests checked against the vendors' own OpenAPI files, which lie in `specs/` as they are (but for white space).

Every operation that a file names is known by its method and path; its query is checked as well as its body.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Vendor = Literal["sendgrid", "klaviyo"]
Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One call of a vendor's API."""

    vendor: Vendor
    path: re.Pattern[str]
    body: Draft202012Validator | None
    query: Mapping[str, Draft202012Validator]
    required: frozenset[str]

    def faults(self, query: str, body: Any) -> Iterator[str]:
        """What the vendor's file forbids."""
        given = dict(parse_qsl(query, keep_blank_values=True))
        yield from (f"query: {name} is missing" for name in sorted(self.required - given.keys()))
        for name, text in given.items():
            if name not in self.query:
                yield f"query: {name} is unknown"
            else:
                yield from _faults(self.query[name], _typed(text, self.query[name].schema), name)
        if self.body:
            yield from _faults(self.body, body, "")


def _faults(validator: Draft202012Validator, value: Any, where: str) -> Iterator[str]:
    for error in validator.iter_errors(value):
        path = ".".join(map(str, error.absolute_path))
        yield f"{where}{path}: {error.message[:200]}"


def _typed(text: str, schema: Any) -> Any:
    match schema.get("type"):
        case "integer" | "number":
            return float(text) if re.fullmatch(r"[\d.]+", text) else text
        case "array":
            return text.split(",")
    return text


@cache
def operations() -> Mapping[str, list[Operation]]:
    """By method, all that the files name."""
    found: dict[str, list[Operation]] = {}
    for file in sorted((Path(__file__).parent / "specs").glob("*.json")):
        vendor: Vendor = "sendgrid" if file.name.startswith("sendgrid") else "klaviyo"
        document = _as_json_schema(json.loads(file.read_text(encoding="utf-8")))
        registry: Registry[Any] = Registry().with_resource("urn:spec", DRAFT202012.create_resource(document))
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                if method in {"get", "post", "patch", "delete"}:
                    found.setdefault(method.upper(), []).append(
                        _operation(vendor, path, described, document, registry)
                    )
    return found


def find(method: str, path: str) -> Operation | None:
    """The operation that a request asks for."""
    return next((it for it in operations().get(method, []) if it.path.fullmatch(path)), None)


def _operation(
    vendor: Vendor, path: str, described: Schema, document: Schema, registry: Registry[Any]
) -> Operation:
    parameters = [_followed(it, document) for it in described.get("parameters", [])]
    asked = [it for it in parameters if it["in"] == "query"]
    body: Schema = _followed(described.get("requestBody", {}), document).get("content", {})
    schema = next((it["schema"] for it in body.values()), None)
    if path == "/v3/mail/send" and schema:
        # The file says string, the API takes no other than an object.
        schema["properties"]["custom_args"] = {"type": "object"}
    return Operation(
        vendor,
        re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path))),
        _validator(schema, registry) if schema else None,
        {it["name"]: _validator(it["schema"], registry) for it in asked},
        frozenset(it["name"] for it in asked if it.get("required")),
    )


def _validator(schema: Schema, registry: Registry[Any]) -> Draft202012Validator:
    return Draft202012Validator(
        _absolute(schema), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _followed(node: Schema, document: Schema) -> Schema:
    if "$ref" not in node:
        return node
    for step in node["$ref"].removeprefix("#/").split("/"):
        document = document[step]
    return document


def _absolute(node: Any) -> Any:
    """References of a part of the file lead into the whole of it."""
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"urn:spec{value}" if key == "$ref" and value.startswith("#") else _absolute(value)
        for key, value in node.items()
    }


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says `[type, "null"]`."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True:
        if isinstance(node.get("type"), str):
            plain["type"] = [node["type"], "null"]
            if "enum" in plain:
                plain["enum"] = [*plain["enum"], None]
        elif "$ref" in plain:
            return {"anyOf": [{"$ref": plain["$ref"]}, {"type": "null"}]}
    return plain
