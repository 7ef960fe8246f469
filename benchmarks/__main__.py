"""`python -m benchmarks [COMMAND]`: everything, or one part by name."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.api import measure_api
from benchmarks.busy import measure_busy
from benchmarks.data import measure_data
from benchmarks.many import measure_many
from benchmarks.memory import measure_memory
from benchmarks.options import BenchmarkError, Options, read_options
from benchmarks.parts import measure_parts
from benchmarks.peers import install_peers
from benchmarks.scheduler import measure_scheduler
from local_servers import LocalServerError

PARTS: Mapping[str, Callable[[Options], None]] = MappingProxyType(
    {
        "data": measure_data,
        "memory": measure_memory,
        "parts": measure_parts,
        "scheduler": measure_scheduler,
        "busy": measure_busy,
        "api": measure_api,
    }
)
# Too long to be part of everything.
BY_NAME_ONLY: Mapping[str, Callable[[Options], None]] = MappingProxyType({"many": measure_many})
BY_NAME = MappingProxyType({**PARTS, **BY_NAME_ONLY})
USAGE = f"python -m benchmarks [{' | '.join(BY_NAME)} | all | install-peers]"


def main(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "all"
    # As Ctrl-C does: the servers are stopped and their folders removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        options = read_options(os.environ)
        if command == "install-peers":
            install_peers(options.work)
        elif command == "all":
            for part in PARTS.values():
                part(options)
        elif command in BY_NAME and len(arguments) == 1:
            BY_NAME[command](options)
        else:
            print(USAGE, file=sys.stderr)
            return 2
    except (BenchmarkError, LocalServerError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
