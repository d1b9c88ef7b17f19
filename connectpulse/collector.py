"""Python's garbage collector, kept away from what lives as long as the process: code, mappings, the house."""

import atexit
import gc


def spare() -> None:
    """Let a process start without looking through what it loads, nor through all of it when it ends.

    Loading makes a million objects that stay; looking for waste among them costs a third of a start.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def calm() -> None:
    """Look no more at what is there now: for a process that has loaded all it needs and serves on for days."""
    gc.collect()
    gc.freeze()
