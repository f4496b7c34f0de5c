"""What workflows run in: the sandbox of the SDK, spared a detour that it takes for every payload.

Before and after each activation the SDK asks the instance, several times for each payload, which context a codec or an
external storage should get; in a sandbox each answer is a program compiled and run anew, together a third of what
workflows cost a worker. Our data converter has neither, so there is nothing to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
    from temporalio.workflow import Info


def workflow_runner(*, strict: bool) -> WorkflowRunner:
    """What workflows run in. ``strict``: each has its modules to itself and is refused clocks, chance and files.

    Tests are strict. Elsewhere our own modules are shared, since to import them anew for each workflow takes a quarter
    of a worker's time; they hold no state, and what could make them differ from their histories the tests would tell.
    """
    restrictions = SandboxRestrictions.default
    return _Sandbox(restrictions if strict else restrictions.with_passthrough_modules("workflows"))


class _Sandbox(SandboxedWorkflowRunner):
    """Makes instances that say at once that no payload has a context."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Instance(super().create_instance(det))


class _Instance(WorkflowInstance):
    """A workflow in its sandbox, without contexts for codecs and storages."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, _command_info: object) -> None:
        return None

    def get_external_store_context(self, _command_info: object) -> StorageDriverStoreContext:
        return _NOWHERE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


_NOWHERE = StorageDriverStoreContext(target=None)
