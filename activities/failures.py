"""Our errors as Temporal sees them: the code is the type, what cannot mend itself is not retried."""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from fastbrand.domain.errors import Busy, EngineFault, FastbrandError, Refused, Unreachable

_MENDS_ITSELF = (Busy, EngineFault, Unreachable)
_BENIGN = ApplicationErrorCategory.BENIGN
"""A refusal is an answer, and audited: no warning in a worker's log, no failure in its metrics."""


class FailureInterceptor(Interceptor):
    """Turns a ``FastbrandError`` of an activity into an ``ApplicationError`` with the code as its type."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except FastbrandError as error:
            raise ApplicationError(
                error.message,
                error.hint,
                type=error.instance_code,
                non_retryable=not isinstance(error, _MENDS_ITSELF),
                category=_BENIGN if isinstance(error, Refused) else ApplicationErrorCategory.UNSPECIFIED,
            ) from error
