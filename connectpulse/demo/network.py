"""The simulated mobile network of the demo: the SMSC we ship, as a program of its own."""

import json
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..commands.children import Children
from ..core.errors import Misconfigured
from ..core.storage.embedded import free_port, is_free
from .place import HOST, Place

MODULE = "connectpulse_sms.simulator"
ACCOUNT = {"system_id": "pulse", "password": "pulse"}
UNDELIVERABLE = 3
"""Percent of the numbers that cannot be reached."""
_START = 30.0


class Network:
    """Runs the SMSC; `port` speaks SMPP, and its own record is asked over HTTP."""

    def __init__(self, place: Place, port: int | None) -> None:
        self.port = port if port is not None and is_free(port) else free_port()
        self._control = f"http://{HOST}:{free_port()}"
        self._children = Children(place.settings.var_dir, place.environment)
        self._log = place.logs / "smsc.log"

    def start(self, ended: threading.Event) -> None:
        """Start it and wait until it answers."""
        control = self._control.rpartition(":")[2]
        options = ("--port", str(self.port), "--control-port", control, "--undeliverable", str(UNDELIVERABLE))
        self._children.start("smsc", MODULE, *options, log_file=self._log)
        if not wait_for(f"{self._control}/healthz", ended, _START):
            raise Misconfigured(f"The simulated SMSC did not start; {self._log} says why.")

    def record(self) -> Mapping[str, Any]:
        """Return what it accepted, counted by itself."""
        with urllib.request.urlopen(f"{self._control}/record", timeout=30) as answer:  # noqa: S310 - on loopback
            found: Mapping[str, Any] = json.load(answer)
        return found

    def tend(self) -> None:
        self._children.tend()

    def stop(self) -> None:
        self._children.stop()


def wait_for(address: str, ended: threading.Event, seconds: float) -> bool:
    """Wait until `address` answers; return whether it did within `seconds` and before `ended`."""
    for _ in range(int(seconds / 0.1)):
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310 - on loopback
            return True
        if ended.wait(0.1):
            break
    return False
