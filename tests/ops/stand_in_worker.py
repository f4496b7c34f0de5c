"""A worker process that keeps the supervisor's contract and nothing else: what a test needs of ``worker.py``.

``FASTBRAND_TEST_MODE`` says how it behaves: ``good`` (default), ``crash`` (ends at once), ``mute`` (never ready),
``stubborn`` (does not end on SIGTERM), ``brief`` (ready, then ends).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from fastbrand import processes

mode = os.environ.get("FASTBRAND_TEST_MODE", "good")
if mode == "crash":
    sys.exit("cannot work: no paper in the printer")
asked_to_stop = threading.Event()
signal.signal(signal.SIGTERM, (lambda *_: None) if mode == "stubborn" else (lambda *_: asked_to_stop.set()))
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("grandchild", grandchild.pid, "server", os.environ["TEMPORAL_ADDRESS"], flush=True)
processes.exit_with_parent(lambda: os._exit(3))
if mode != "mute":
    processes.say_ready()
if mode == "brief":
    sys.exit("ended too soon")
while not asked_to_stop.wait(0.05):
    pass
time.sleep(0.3)  # what it had begun
print("drained", flush=True)
