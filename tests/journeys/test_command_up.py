"""`connectpulse up`: a whole site in one process group, which nothing outlives."""

import os
import signal

import pytest

from connectpulse.core.storage.embedded import free_port

from .command_site import Site, answers, refused, until


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
def test_a_server_that_is_still_starting_ends_at_once(site: Site) -> None:
    web = free_port()
    with site.running("up", WEB_PORT=str(web)) as process:
        until(lambda: sum(said.endswith("connectpulse.cli web ") for said in site.processes().values()) == 2)
        assert not answers(web)
        process.send_signal(signal.SIGINT)
        assert process.wait(25) == 0, "granian's patience with its processes is 30 seconds"
    assert site.processes() == {}


@pytest.mark.slow
def test_nothing_outlives_a_killed_parent(site: Site) -> None:
    web, page = free_port(), free_port()
    with site.running("up", WEB_PORT=str(web), WORKER_PORT=str(page)) as process:
        until(lambda: answers(web) and answers(page))
        process.kill()
        until(lambda: site.processes() == {})
