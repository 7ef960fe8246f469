"""`python -m executor`: one executor in the foreground."""

import sys

from executor.main import main

if __name__ == "__main__":
    sys.exit(main())
