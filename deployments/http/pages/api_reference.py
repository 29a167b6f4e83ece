"""`GET /docs`: the OpenAPI document as one page without scripts or external resources."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from deployments.http.dependencies import TheServices
from deployments.http.pages.page import render

router = APIRouter(tags=["pages"], include_in_schema=False)

Schema = Mapping[str, Any]


class Field(NamedTuple):
    """A parameter, or a member of a JSON object; `where` is path, query, header or empty."""

    name: str
    type: str
    required: bool
    description: str
    where: str = ""


class Response(NamedTuple):
    """A response status; `bodies` holds the fields of each possible JSON object, by the object's description."""

    status: str
    description: str
    bodies: dict[str, list[Field]]


class Operation(NamedTuple):
    """A method of a path."""

    method: str
    path: str
    description: str
    needs_token: bool
    parameters: list[Field]
    body: list[Field]
    responses: list[Response]
    curl: str

    @property
    def anchor(self) -> str:
        """Return the operation's id on the page."""
        return f"{self.method.lower()}{re.sub('[^a-z]+', '-', self.path)}".rstrip("-")


@router.get("/docs")
async def api_reference(request: Request, available: TheServices) -> HTMLResponse:
    """Show every operation of the API."""
    document = request.app.openapi()
    schemas = document["components"]["schemas"]
    base = available.settings.public_url.rstrip("/")
    return render(
        "api_reference.html",
        title="API reference",
        version=document["info"]["version"],
        operations=list(operations(document, base)),
        problem=list(_fields(schemas["Problem"], schemas)),
    )


def operations(document: Schema, base: str) -> Iterator[Operation]:
    """Yield the operations of an OpenAPI document in order; `base` is the base URL of the examples."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            body = _content(found.get("requestBody", {}), schemas)
            needs_token = "security" in found
            yield Operation(
                method.upper(),
                path,
                found["description"],
                needs_token,
                [_parameter(each) for each in found.get("parameters", ())],
                [field for schema in body for field in _fields(schema, schemas)],
                [_response(status, each, schemas) for status, each in found["responses"].items()],
                _curl(method.upper(), base + path, needs_token, [schema["examples"][0] for schema in body]),
            )


def _content(found: Schema, schemas: Schema) -> list[Schema]:
    """Return the object schemas of a request or a response."""
    return [each for media in found.get("content", {}).values() for each in _named(media["schema"], schemas)]


def _named(schema: Schema, schemas: Schema) -> list[Schema]:
    """Return the object schemas that a schema, each of its alternatives, or the members of its list refer to."""
    alternatives = [each.get("items", each) for each in schema.get("anyOf", [schema])]
    return [schemas[each["$ref"].rpartition("/")[2]] for each in alternatives if "$ref" in each]


def _parameter(found: Schema) -> Field:
    schema = found["schema"]
    return Field(found["name"], _type(schema), found["required"], found.get("description", ""), found["in"])


def _fields(schema: Schema, schemas: Schema, inside: str = "") -> Iterator[Field]:
    """Yield an object's members; members of a nested object follow as `outer.inner`."""
    for name, each in schema["properties"].items():
        required = name in schema.get("required", ())
        yield Field(f"{inside}{name}", _type(each), required, each.get("description") or _example(each))
        for part in _named(each, schemas):
            yield from _fields(part, schemas, f"{inside}{name}.")


def _example(schema: Schema) -> str:
    return f"for example `{schema['examples'][0]}`" if "examples" in schema else ""


def _response(status: str, found: Schema, schemas: Schema) -> Response:
    bodies = _content(found, schemas) if status < "400" else []  # all errors share a form, shown once
    fields = {each["description"]: list(_fields(each, schemas)) for each in bodies}
    return Response(status, found["description"], fields)


def _type(schema: Schema) -> str:
    if "const" in schema or "enum" in schema:
        return ", ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return "object"
    return str(schema.get("format") or schema["type"])


def _curl(method: str, url: str, needs_token: bool, examples: list[Any]) -> str:
    address = re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", url)
    parts = [f'curl -X {method} "{address}"' if method != "GET" else f'curl "{address}"']
    if needs_token:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    for example in examples:
        quoted = json.dumps(example, indent=2).replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    return " \\\n  ".join(parts)
