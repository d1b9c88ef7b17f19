"""Programs that one process starts, keeps alive and ends. None of them outlives it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

LONGEST_WAIT = 30.0
SETTLED = 60.0
"""Seconds after which a program counts as having started well."""
PATIENCE = 45.0
"""Seconds a program may take to end; a worker lets running tasks finish."""


@dataclass(slots=True)
class Child:
    """One program: how it is started, and how it fares."""

    name: str
    command: list[str]
    folder: Path | None
    environment: Mapping[str, str] | None
    log_file: Path | None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0

    def start(self) -> None:
        with ExitStack() as stack:
            output = stack.enter_context(self.log_file.open("ab")) if self.log_file else None
            self.process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self.environment,
                start_new_session=os.name == "posix",  # Ctrl-C reaches the parent alone, which ends them in order
            )
        self.started_at = time.monotonic()

    def tend(self) -> None:
        """Start the program again if it ended, sooner or later by how often it did."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
        elif self.process.poll() is not None:
            self.failures = 0 if now - self.started_at > SETTLED else self.failures + 1
            wait = min(LONGEST_WAIT, 2.0 ** min(self.failures, 5) - 1)
            log.warning("child_ended", name=self.name, code=self.process.returncode, again_in_seconds=wait)
            self.start_at = now + wait
            self._forget()

    def end(self) -> None:
        """Ask the program to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for the program's end; end it by force at the deadline."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("child_killed", name=self.name)
            self.process.kill()
            self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


@dataclass(slots=True)
class Children:
    """The programs of one process."""

    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    running: list[Child] = field(default_factory=list)

    def start(self, name: str, module: str, *arguments: str, log_file: Path | None = None) -> None:
        """Start `python -m module arguments` as a child; its output goes to `log_file`, or where ours goes."""
        command = [sys.executable, "-P", "-m", "connectpulse.commands.leash", module, *arguments]
        child = Child(name, command, self.folder, self.environment, log_file)
        child.start()
        self.running.append(child)

    def tend(self) -> None:
        """Start again what ended."""
        for child in self.running:
            child.tend()

    def stop(self) -> None:
        """End all, and wait until they have ended."""
        deadline = time.monotonic() + PATIENCE
        for child in self.running:
            child.end()
        for child in self.running:
            child.wait(deadline)
        self.running.clear()
