"""The request log behind the real web server: a polite end of it loses no line."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from connectpulse.core.domain.settings import fresh_secrets
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.embedded import free_port
from connectpulse.house import House

COMMAND = Path(sys.executable).with_name("connectpulse")
REQUESTS = 20


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_server_that_is_told_to_end_writes_its_last_lines(house: House, database_url: str, tmp_path: Path) -> None:
    port = free_port()
    settings = fresh_secrets() | {"DATABASE_URL": database_url, "WEB_PORT": str(port), "VAR_DIR": str(tmp_path)}
    server = subprocess.Popen(
        [COMMAND, "web"], cwd=tmp_path, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        is_up = False
        while not is_up and time.monotonic() < deadline:
            with suppress(OSError):
                is_up = _status(f"http://127.0.0.1:{port}/healthz") == 200
            time.sleep(0.05)
        assert [_status(f"http://127.0.0.1:{port}/api/v1/me") for _ in range(REQUESTS)] == [401] * REQUESTS
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    with house.work(SYSTEM) as work:
        assert work.session.scalar(text("SELECT count(*) FROM pulse_api_request WHERE status = 401")) == REQUESTS
