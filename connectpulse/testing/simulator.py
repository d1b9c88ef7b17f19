"""The simulator of a trial as a process of its own, asked over its control endpoint."""

import json
import subprocess
import sys
import urllib.request
from typing import Any, Self

from connectpulse.core.domain.trial import Ports, Trial

HOST = "127.0.0.1"


class Simulator:
    """Runs a trial's program while the context lasts; `ports` are those it serves on. See `Trial`."""

    def __init__(self, trial: Trial, *options: str) -> None:
        self.trial = trial
        command = [sys.executable, "-m", trial.program, *trial.options, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - a plugin's own program
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self.ports: Ports = json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def settings(self) -> dict[str, Any]:
        """Return the settings of a connection to it."""
        return dict(self.trial.settings(self.ports))

    def record(self) -> dict[str, Any]:
        """Return what it took over, counted by itself."""
        found: dict[str, Any] = self._ask("record")
        return found

    def sent_to(self, address: str) -> list[dict[str, Any]]:
        """Return the messages it took over for an address."""
        found: list[dict[str, Any]] = self._ask(f"record/{address}")
        return found

    def inbound(self, source: str, destination: str, text: str) -> None:
        """Let a person write to us."""
        self._ask("inbound", {"from": source, "to": destination, "text": text})

    def call_back(self, url: str) -> None:
        """Let it send its webhooks to `url`."""
        self._ask("callbacks", {"url": url})

    def reset(self) -> None:
        """Let it forget what it took over."""
        self._ask("reset", {})

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        encoded = None if body is None else json.dumps(body).encode()
        address = f"http://{HOST}:{self.ports['control_port']}/{path}"
        request = urllib.request.Request(address, encoded, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on loopback
            return json.load(answer)
