"""Problems: errors with a code and a status, raised where they are known.

One place (`core/web.py`) turns them into JSON or a page.
"""

from __future__ import annotations

from typing import Literal

ProblemType = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "conflict_error",
    "rate_limit_error",
    "provider_error",
    "api_error",
]


class Problem(Exception):
    """An error that the caller is told about; `code` is for programs, `message` for people."""

    def __init__(
        self,
        type: ProblemType,  # noqa: A002 - the contract's own word
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.type = type
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_seconds = retry_after_seconds


def invalid(code: str, message: str, param: str | None = None, status: int = 422) -> Problem:
    return Problem("invalid_request_error", status, code, message, param)


def missing(param: str | None = None, what: str = "object") -> Problem:
    """The same answer for what does not exist and for what belongs to somebody else."""
    return Problem(
        "invalid_request_error", 404, "resource_missing", f"There is no such {what}.", param
    )


def conflict(code: str, message: str, param: str | None = None) -> Problem:
    return Problem("conflict_error", 409, code, message, param)


def unauthorized(code: str, message: str) -> Problem:
    return Problem("authentication_error", 401, code, message)


def forbidden(code: str, message: str) -> Problem:
    return Problem("permission_error", 403, code, message)


def too_many(code: str, message: str, retry_after_seconds: int) -> Problem:
    return Problem(
        "rate_limit_error", 429, code, message, retry_after_seconds=max(1, retry_after_seconds)
    )


def provider_problem(code: str, message: str, status: int = 502) -> Problem:
    return Problem("provider_error", status, code, message)


def unavailable(message: str = "The service is briefly unavailable. Please try again.") -> Problem:
    return Problem("api_error", 503, "service_unavailable", message, retry_after_seconds=2)


def type_of_status(status: int) -> ProblemType:
    """The type that errors of a status have; the contract's table."""
    types: dict[int, ProblemType] = {
        401: "authentication_error",
        403: "permission_error",
        409: "conflict_error",
        429: "rate_limit_error",
        502: "provider_error",
        504: "provider_error",
    }
    return types.get(status, "api_error" if status >= 500 else "invalid_request_error")
