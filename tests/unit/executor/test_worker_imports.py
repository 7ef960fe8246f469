"""What a worker process does not load, because each of them would pay for it in memory."""

import subprocess
import sys

AS_SPAWNED = """
import runpy, sys
runpy.run_module("executor.__main__", run_name="__mp_main__")
import executor.worker_process
print([name for name in ("fastapi", "uvicorn", "executor.supervisor") if name in sys.modules])
"""


def test_a_worker_loads_no_web_server_and_no_supervisor() -> None:
    made = subprocess.run([sys.executable, "-c", AS_SPAWNED], capture_output=True, text=True, check=True)
    assert made.stdout == "[]\n"
