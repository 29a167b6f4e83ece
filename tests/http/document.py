"""The OpenAPI document, checked against actual responses."""

from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator


class Document:
    """The trigger's OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.content = document

    @property
    def operations(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return each operation by method and path template."""
        return {
            (method.upper(), path): operation
            for path, methods in self.content["paths"].items()
            for method, operation in methods.items()
        }

    def schema(self, name: str) -> dict[str, Any]:
        """Return a schema with its references resolved."""
        return self._whole({"$ref": f"#/components/schemas/{name}"})

    def check(self, response: httpx.Response, path: str) -> None:
        """Check that status, media type, headers and body match the document for this path template."""
        promised = self.operations[response.request.method, path]["responses"]
        assert str(response.status_code) in promised, response.text
        of_status = promised[str(response.status_code)]
        media_type = response.headers["content-type"]
        assert list(of_status["content"]) == [media_type]
        assert [name for name in of_status.get("headers", {}) if name not in response.headers] == []
        self._validator(self._whole(of_status["content"][media_type]["schema"])).validate(response.json())

    def _whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "components": self.content["components"]}

    @staticmethod
    def _validator(schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator(schema, validate_formats=True)
