"""Everything on one machine: database, web server and worker under one process."""

import signal
import threading
from pathlib import Path

import click
import fasteners

from ..core.domain.settings import Settings
from ..core.errors import Misconfigured
from . import serving, site
from .children import Children

TEND_EVERY = 0.5


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then end everything in order, the embedded database last."""
    serving.require_port(settings)
    lock = hold(settings)
    ended = until_signalled()
    children = Children()
    try:
        with site.opened(settings, stays=True) as house:
            site.upgrade(house)
        start(children)
        click.echo(f"Connect Pulse serves on {address(settings)}. Ctrl-C ends it.", err=True)
        while not ended.wait(TEND_EVERY):
            children.tend()
    finally:
        children.stop()
        site.leave(settings)
        lock.release()


def start(children: Children, logs: Path | None = None) -> None:
    """Start the web server and the worker; what they say goes to files in `logs`, or where ours goes."""
    for name in ("web", "worker"):
        children.start(name, "connectpulse.cli", name, log_file=logs / f"{name}.log" if logs else None)


def address(settings: Settings) -> str:
    """Return where a browser on this machine finds the site."""
    host = settings.web_host if settings.web_host not in ("", "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}"


def hold(settings: Settings) -> fasteners.InterProcessLock:
    """Return the lock of a site that runs here; raise Misconfigured if it runs already."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    lock = fasteners.InterProcessLock(settings.var_dir / "up.lock")
    if not lock.acquire(blocking=False):
        raise Misconfigured(f"Connect Pulse runs already over {settings.var_dir}.")
    return lock


def until_signalled() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return ended
