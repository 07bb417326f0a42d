"""The way in. Ctrl-C is heard while the program itself is being loaded, too: that takes a second on a slow machine."""

import gc
import sys

from digest.errors import Interrupted

COLLECTING = (20_000, 10, 10)
"""How often garbage is looked for: what is loaded stays, and looking through it took a tenth of the time."""


def start() -> None:
    """Load the program and run the command; the entry point of `digest`."""
    gc.set_threshold(*COLLECTING)
    try:
        from digest.cli.main import main
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was begun\n")
        sys.exit(Interrupted.exit_code)
    main()
