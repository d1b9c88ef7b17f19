"""What a person types, as real processes on a database of their own: and afterwards nothing is left running."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from connectpulse.core.domain.settings import SETTINGS
from connectpulse.core.storage.embedded import EmbeddedServer, free_port

COMMAND = Path(sys.executable).with_name("connectpulse")


class Site:
    """A folder with a site in it, and the commands typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = {field.name for field in SETTINGS}
        self.environment = {name: value for name, value in os.environ.items() if name not in names}
        self.environment["VAR_DIR"] = str(folder / "var")

    def type(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside the test, and end it at last."""
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(
                [COMMAND, *arguments],
                cwd=self.folder,
                env=self.environment | settings,
                stdout=said,
                stderr=said,
            )
        try:
            yield process
        except BaseException as error:
            error.add_note((self.folder / "said").read_text())
            raise
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)

    def processes(self) -> dict[int, str]:
        """Return every living process that belongs to this site: by its arguments, or by its settings."""
        found = {}
        for place in Path("/proc").iterdir():
            with suppress(OSError):
                said = (place / "cmdline").read_bytes()
                known = said if place.name.isdigit() else b""
                if known and str(self.folder).encode() in known + (place / "environ").read_bytes():
                    found[int(place.name)] = said.replace(b"\0", b" ").decode(errors="replace")
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    EmbeddedServer(tmp_path / "var" / "postgres").stop("immediate")


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def answers(port: int, path: str = "/healthz") -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence a refused command said."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


@pytest.mark.slow
def test_a_site_from_nothing_to_in_order(site: Site) -> None:
    behind = site.type("check")
    assert behind.returncode == 1
    assert "Run `connectpulse upgrade`." in behind.stderr.splitlines()
    assert refused(site.type("web", WEB_PORT=str(free_port()))).endswith("Run `connectpulse upgrade`.")
    assert site.type("upgrade").stdout == "The database is up to date now.\n"
    assert site.type("upgrade").stdout == "The database was up to date.\n"
    assert site.type("check").stdout == "Everything is in order.\n"
    made = site.type(
        "create-administrator", "--username", "root", "--email", "r@x.org", "--name", "Rabia", "--generate"
    )
    assert re.search(r"Password, shown this once: (\w{4}-){4}\w{4}\n", made.stdout)
    assert site.processes() == {}


@pytest.mark.slow
def test_the_embedded_database_stays_when_it_is_asked_to(site: Site) -> None:
    assert site.type("database", "start").stdout == "The database runs.\n"
    assert site.processes()
    assert site.type("upgrade").returncode == 0
    assert site.type("database", "url").stdout.startswith("postgresql://pulse:")
    assert site.processes()
    assert site.type("database", "stop").stdout == "The database is stopped.\n"
    assert site.processes() == {}
    assert site.type("database", "stop").stdout == "The database was not running.\n"


@pytest.mark.slow
def test_up_serves_survives_a_dead_worker_and_ends_cleanly(site: Site) -> None:
    web, page = free_port(), free_port()
    with site.running("up", WEB_PORT=str(web), WORKER_PORT=str(page)) as process:
        until(lambda: answers(web, "/readyz") and answers(page))
        assert "runs already" in refused(site.type("up", WEB_PORT=str(free_port())))
        assert "Change WEB_PORT" in refused(site.type("up", WEB_PORT=str(web)))
        [worker] = [pid for pid, said in site.processes().items() if said.endswith("connectpulse.cli worker ")]
        os.kill(worker, signal.SIGKILL)
        until(lambda: not answers(page))
        until(lambda: answers(page))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert site.processes() == {}


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(site: Site) -> None:
    web, page = free_port(), free_port()
    with site.running("up", WEB_PORT=str(web), WORKER_PORT=str(page)) as process:
        until(lambda: answers(web) and answers(page))
        process.kill()
        until(lambda: site.processes() == {})


@pytest.mark.slow
def test_the_demo_runs_a_campaign_over_real_smpp_and_both_counts_agree(site: Site) -> None:
    done = site.type("demo", "--once", "--recipients", "300")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    told = json.loads(line)
    assert told["delivered"] + told["undeliverable"] == told["submitted"] == told["recipients"] == 300
    assert 0 < told["undeliverable"] < 30
    assert (told["unknown"], told["lost"], told["duplicates"]) == (0, 0, 0)
    assert told["messages_per_second"] > 0
    assert site.processes() == {}


@pytest.mark.slow
def test_a_second_start_of_the_demo_finds_its_data(site: Site) -> None:
    port = free_port()
    said = site.folder / "said"
    for start in (1, 2):
        with site.running("demo", "--recipients", "50", WEB_PORT=str(port)) as process:
            until(lambda start=start: said.read_text().count("Ctrl-C ends it.") == start)  # type: ignore[misc]
            assert answers(port)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert site.processes() == {}
    assert said.read_text().count("Logins, shown this once") == 1
    assert said.read_text().count("of 50 ·") >= 1
    assert "The data of the last start is still here" in said.read_text()


def test_a_single_demo_that_fails_keeps_its_logs_and_says_where(site: Site) -> None:
    with site.running("demo", "--once", "--recipients", "50", VAR_DIR="", TMPDIR=str(site.folder)) as process:
        until(lambda: bool(list(site.folder.glob("*/logs/worker.log"))))
        [started] = site.folder.glob("*/postgres/cluster/postmaster.pid")
        os.kill(int(started.read_text().split("\n")[0]), signal.SIGKILL)
        assert process.wait(60) == 1
    [kept] = site.folder.glob("connectpulse-demo-*")
    assert (kept / "logs").is_dir()
    assert f"is kept in {kept}." in (site.folder / "said").read_text()


def test_secrets_are_fresh_each_time(site: Site) -> None:
    first, second = site.type("keys").stdout, site.type("keys").stdout
    assert [line.partition("=")[0] for line in first.splitlines()] == ["SECRET_KEY", "ENCRYPTION_KEYS", "TRUST_KEY"]
    assert not set(first.splitlines()) & set(second.splitlines())


def test_every_fault_of_the_settings_is_said_in_one_sentence(site: Site) -> None:
    said = refused(site.type("check", WEB_PORT="eighty", LOG_LEVEL="loud"))
    assert "'eighty' is not a whole number" in said
    assert "'loud' is not one of" in said


def test_a_database_that_does_not_answer_is_said_without_its_password(site: Site) -> None:
    secrets = dict(line.split("=", 1) for line in site.type("keys").stdout.splitlines())
    url = f"postgresql://pulse:hidden-word@127.0.0.1:{free_port()}/pulse"
    for command in ("check", "upgrade", "worker"):
        said = refused(site.type(command, DATABASE_URL=url, DATABASE_WAIT="0", **secrets))
        assert said.startswith("The database does not answer:")
        assert "hidden-word" not in said
    assert "not ours" in refused(site.type("database", "stop", DATABASE_URL=url, **secrets))


@pytest.mark.parametrize(
    ("text", "says"),
    [("import nowhere", "No module named 'nowhere'"), ("settings = {}", "does not define `settings`")],
)
def test_a_config_file_that_cannot_be_used_is_named(site: Site, text: str, says: str) -> None:
    (site.folder / "config.py").write_text(text)
    said = refused(site.type("check"))
    assert "config.py" in said
    assert says in said
