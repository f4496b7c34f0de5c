"""What ``fastbrand up`` does, with the stand-in worker: for tests that kill or signal a supervisor from outside."""

from __future__ import annotations

import contextlib

from fastbrand.settings import load_settings
from fastbrand.supervisor import Supervisor
from tests.ops.waiting import STAND_IN

# a signal may come before `wait_for_signal` does
with contextlib.suppress(KeyboardInterrupt), Supervisor(load_settings(), worker=STAND_IN) as supervisor:
    print("up", supervisor.info.worker_pid, supervisor.info.server_pid, flush=True)
    supervisor.wait_for_signal()
print("down", flush=True)
