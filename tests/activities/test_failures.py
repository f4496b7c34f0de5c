"""What Temporal is told of an error of ours."""

from __future__ import annotations

from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import FailureInterceptor
from fastbrand.domain.errors import Busy, FastbrandError, FourEyes, NotFound, Refused


class _Raises(ActivityInboundInterceptor):
    """An activity that ends with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: ARG002 (what Temporal gives)
        raise self._error


@pytest.mark.parametrize(
    ("error", "final", "benign"),
    [
        (Refused("not now", hint="wait"), True, True),
        (FourEyes("the same person", hint="ask another"), True, True),
        (NotFound("nobody", hint="look"), True, False),
        (Busy("the database is locked", hint="wait"), False, False),
    ],
)
async def test_a_refusal_is_an_answer_and_no_failure(error: FastbrandError, final: bool, benign: bool) -> None:
    wrapped = FailureInterceptor().intercept_activity(_Raises(error))
    with pytest.raises(ApplicationError) as raised:
        await wrapped.execute_activity(cast("ExecuteActivityInput", None))
    told = raised.value
    assert (told.type, told.message, told.details) == (error.instance_code, error.message, (error.hint,))
    assert told.non_retryable is final
    assert (told.category is ApplicationErrorCategory.BENIGN) is benign
