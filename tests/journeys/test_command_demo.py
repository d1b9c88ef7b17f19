"""`connectpulse demo`: a campaign over real wires of each channel, and the data of the last start."""

import json
import os
import signal

import psycopg
import pytest

from connectpulse.core.storage.embedded import EmbeddedServer, free_port
from connectpulse.demo import replies

from .command_site import Site, answers, until


@pytest.mark.slow
def test_the_demo_runs_a_campaign_over_each_channel_and_both_counts_agree(site: Site) -> None:
    """One site shows them all, one after the other."""
    for channel, recipients, ends in (
        ("sms", 300, "delivered"), ("whatsapp", 60, "delivered"), ("email", 60, "accepted"), ("voice", 4, "delivered"),
    ):  # fmt: skip
        done = site.type("demo", "--once", "--channel", channel, "--recipients", str(recipients))
        assert done.returncode == 0, done.stderr
        [line] = done.stdout.splitlines()
        told = json.loads(line)
        assert told[ends] + told["undeliverable"] == told["submitted"] == told["recipients"] == recipients
        assert (told["unknown"], told["lost"], told["duplicates"]) == (0, 0, 0)
        assert told["seconds"] > 0
        assert 0 < told["undeliverable"] < 30 or recipients < 300
        assert site.processes() == {}


@pytest.mark.slow
def test_a_second_start_of_the_demo_finds_its_data(site: Site) -> None:
    port = free_port()
    said = site.folder / "said"
    for start in (1, 2):
        with site.running("demo", "--recipients", "50", WEB_PORT=str(port)) as process:
            until(lambda start=start: said.read_text().count("Ctrl-C ends it.") == start)  # type: ignore[misc]
            until(lambda: _counted(site, "SELECT count(*) FROM pulse_inbound") == len(replies.WORDS))
            assert _counted(site, "SELECT count(DISTINCT value) FROM pulse_suppression") == 1, "one of them wrote STOP"
            assert answers(port)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert site.processes() == {}
    assert said.read_text().count("Logins, shown this once") == 1
    assert said.read_text().count("of 50 ·") >= 1
    assert "The data of the last start is still here" in said.read_text()


def _counted(site: Site, statement: str) -> int:
    """Return a figure of the site's own database, which is running."""
    url = EmbeddedServer(site.folder / "var" / "postgres").url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_a_single_demo_that_fails_keeps_its_logs_and_says_where(site: Site) -> None:
    with site.running("demo", "--once", "--recipients", "50", VAR_DIR="", TMPDIR=str(site.folder)) as process:
        until(lambda: bool(list(site.folder.glob("*/logs/worker.log"))))
        [started] = site.folder.glob("*/postgres/cluster/postmaster.pid")
        os.kill(int(started.read_text().split("\n")[0]), signal.SIGKILL)
        assert process.wait(60) == 1
    [kept] = site.folder.glob("connectpulse-demo-*")
    assert (kept / "logs").is_dir()
    assert f"is kept in {kept}." in (site.folder / "said").read_text()
