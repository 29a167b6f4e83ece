"""Error responses: `application/problem+json` (RFC 9457) with the specification's texts."""

import re
from typing import Any
from uuid import UUID

from nodes.refusals.base import Refusal


def problem(status: int, slug: str, detail: str, request_id: UUID | None = None, **extensions: Any) -> dict[str, Any]:
    """Return the body: RFC 9457's members, `success: false`, the request's id if there is one, and extensions."""
    body: dict[str, Any] = {
        "type": f"urn:cancelflow:problem:{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "success": False,
    }
    if request_id is not None:
        body["request_id"] = str(request_id)
    return {**body, **extensions}


def problem_of(refusal: Refusal, request_id: UUID | None = None) -> dict[str, Any]:
    """Return the body for a refusal."""
    return problem(
        refusal.status, slug_of(refusal), refusal.text, request_id or refusal.request_id, **refusal.extensions
    )


def slug_of(error: Exception) -> str:
    """Return the error's stable name for programs: `subscription-already-pending` for `SubscriptionAlreadyPending`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
