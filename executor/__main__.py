"""`python -m executor`: one executor in the foreground."""

import sys

if __name__ == "__main__":
    # Deferred: each worker process, too, imports this module, and has no use for the supervisor's web server.
    from executor.main import main

    sys.exit(main())
