"""Runs a module as a program that ends when its parent ends, even if that was killed.

`python -P -m connectpulse.commands.leash MODULE ARGUMENTS…`: the parent holds the other end of standard
input, and whatever becomes of the parent, the system closes it.
"""

import os
import runpy
import signal
import sys
import threading
import time

PATIENCE = 60.0
"""Seconds a program without a parent may take to end by itself."""


def main() -> None:
    """Run the module named first, with the arguments that follow it."""
    threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    main()
