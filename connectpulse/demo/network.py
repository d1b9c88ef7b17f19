"""The simulated network of the demo: a channel's simulator, as a program of its own."""

import json
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError

from ..commands.children import Children
from ..core.domain.trial import Ports, Trial
from ..core.errors import Misconfigured
from ..core.storage.embedded import free_port
from .place import HOST, Place

UNDELIVERABLE = 3
"""Percent of the addresses that cannot be reached."""
_START = 30.0


class Network:
    """Runs a trial's simulator; a connection with `settings` reaches it, and its own record is asked over HTTP."""

    def __init__(self, place: Place, trial: Trial) -> None:
        self.trial = trial
        self._control_port = free_port()
        self._children = Children(place.settings.var_dir, place.environment)
        self._log = place.logs / f"{trial.name}-simulator.log"
        self._ports: Ports = {}

    def start(self, ended: threading.Event) -> None:
        """Start it and wait until it answers."""
        ports = ("--port", str(free_port()), "--control-port", str(self._control_port))
        options = (*self.trial.options, *ports, "--undeliverable", str(UNDELIVERABLE))
        self._children.start(f"{self.trial.name}-simulator", self.trial.program, *options, log_file=self._log)
        if not wait_for(self._address("healthz"), ended, _START):
            raise Misconfigured(f"The simulator did not start; {self._log} says why.")
        self._ports = self._ask("ports")

    def settings(self) -> dict[str, Any]:
        """Return the settings of a connection to it."""
        return dict(self.trial.settings(self._ports))

    def call_back(self, url: str) -> None:
        """Let it send its webhooks to `url`, if it sends any."""
        if self.trial.calls_back:
            self._ask("callbacks", {"url": url})

    def record(self) -> Mapping[str, Any]:
        """Return what it took over, counted by itself."""
        return self._ask("record")

    def write(self, source: str, destination: str, text: str) -> bool:
        """Let a person write to one of our identities; return whether people can, over this network."""
        try:
            self._ask("inbound", {"from": source, "to": destination, "text": text})
        except HTTPError:
            return False
        return True

    def tend(self) -> None:
        self._children.tend()

    def stop(self) -> None:
        self._children.stop()

    def _address(self, path: str) -> str:
        return f"http://{HOST}:{self._control_port}/{path}"

    def _ask(self, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        encoded = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address(path), encoded, {"Content-Type": "application/json"})  # noqa: S310 - on loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on loopback
            found: dict[str, Any] = json.load(answer)
        return found


def wait_for(address: str, ended: threading.Event, seconds: float) -> bool:
    """Wait until `address` answers; return whether it did within `seconds` and before `ended`."""
    for _ in range(int(seconds / 0.1)):
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):  # noqa: S310 - on loopback
            return True
        if ended.wait(0.1):
            break
    return False
