"""`python -m propago`."""

import sys

from propago.cli import main

if __name__ == "__main__":
    sys.exit(main())
