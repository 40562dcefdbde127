"""`python -m convokit` is `convokit`."""

import sys

from convokit.cli import main

if __name__ == "__main__":
    sys.exit(main())
