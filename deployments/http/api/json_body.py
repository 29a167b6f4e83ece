"""Reading of request bodies within a size limit; errors name each invalid member, never its value."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from deployments.http.api.bodies import MAX_BODY_BYTES
from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _

Body = TypeVar("Body", bound=BaseModel)


class BodyTooLarge(Refusal):
    """The body is over 64 KiB; a reason and 5,000 characters need far less."""

    status = 413
    detail = _("The body is larger than 64 KiB")


class BodyNotJson(Refusal):
    """The body has another media type."""

    status = 415
    detail = "Send the body as application/json"


class BodyInvalid(Refusal):
    """The body is not JSON or does not match the schema; `errors` says where."""

    status = 400
    detail = "The body is not valid"


async def read_raw(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the raw body. Raises `BodyTooLarge` as soon as it exceeds `limit` bytes, and `BodyTooSlow`."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise BodyTooLarge(f"The body is larger than {limit // 1024} KiB")
    return bytes(raw)


def media_type_of(request: Request, default: str = "") -> str:
    """Return the media type without its parameters, in lower case."""
    return request.headers.get("content-type", default).partition(";")[0].strip().lower()


async def read_json(request: Request, model: type[Body]) -> Body:
    """Return the body as a `model`. Raises `BodyNotJson`, `BodyTooLarge`, `BodyTooSlow` and `BodyInvalid`."""
    if media_type_of(request, "application/json") != "application/json":
        raise BodyNotJson
    return parsed(await read_raw(request), model)


def parsed(raw: bytes, model: type[Body]) -> Body:
    """Return a raw body as a `model`. Raises `BodyInvalid`."""
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> BodyInvalid:
    found: list[dict[str, Any]] = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        pointer = "".join(f"/{part}" for part in one["loc"])
        found.append({"pointer": f"#{pointer}", "detail": one["msg"].removeprefix("Value error, ")})
    first = found[0]
    where = first["pointer"].removeprefix("#").removeprefix("/") or "body"
    return BodyInvalid(f"{where}: {first['detail']}", errors=found)
