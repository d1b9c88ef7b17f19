"""Nothing secret and nobody's words reach the log, in either format, whatever an exception quotes."""

import json
import os
import subprocess
import sys

import pytest

from connectpulse.core.domain.redaction import scrub, told

CANARIES = ("Canary-pw", "Canary-key", "Canary-body", "923001112223", "canary@example.org", "Canary-token")
SCENE = """
import logging, os, sys
import structlog
from sqlalchemy import text
from connectpulse import logs
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.storage.session import make_engine

logs.configure(from_mapping(fresh_secrets() | {"DATABASE_URL": os.environ["URL"], "LOG_FORMAT": sys.argv[1]}))
log = structlog.get_logger("scene")

def fail(secret_local, body):
    with make_engine(os.environ["URL"]).begin() as connection:
        table = "t (phone text PRIMARY KEY, body text CHECK (body <> 'Canary-body'))"
        connection.execute(text("CREATE TEMP TABLE " + table))
        statement = "INSERT INTO t VALUES (:phone, :body)"
        if body:
            connection.execute(text(statement), {"phone": "923001112223", "body": body})
        for _ in range(2):
            connection.execute(text(statement), {"phone": "923001112223", "body": "x"})

for body in ("", "Canary-body"):
    try:
        fail({"key": "Canary-key"}, body)
    except Exception:
        log.exception("it_failed", step="insert")
        logging.getLogger("library").exception("it failed again")
try:
    token = "Canary-token"
    raise RuntimeError("POST https://u:Canary-pw@sms.example.com/?app=ws&h=Canary-key&msg=Canary-body&to=923001112223")
except RuntimeError:
    log.exception("call_failed", password="Canary-pw", said={"text": "Canary-body"}, error=OSError("+923001112223"))
log.info("call", url="https://sms.example.com/x?text=Canary-body&mobile=923001112223#a", who="canary@example.org")
logging.getLogger("library").warning("asked %s", "/callbacks/7/Canary-token?x=1")
"""


@pytest.mark.parametrize("shape", ["json", "console"])
def test_no_canary_is_seen_in_the_log(shape: str, database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCENE, shape],
        env=os.environ | {"URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    log = done.stderr
    assert [canary for canary in CANARIES if canary in log] == []
    assert log.count("UniqueViolation") >= 2
    assert log.count("CheckViolation") >= 2
    assert "call_failed" in log
    if shape == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        assert sum("exception" in line for line in lines) == 5
        assert "locals" not in log


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("GET /x?h=1a2b&page=2 failed", "GET /x?h=•••&page=••• failed"),
        ("host=db user=pulse password=x", "host=db user=••• password=•••"),
        ('{"msg": "hello", "kind": 1}', '{"msg": •••, "kind": 1}'),
        ("postgresql://pulse:x@db:5432/pulse", "postgresql://•••@db:5432/pulse"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer •••"),
        ("duplicate key\nDETAIL:  Key (value)=(x) exists.", "duplicate key\nDETAIL: •••"),
        ("batch 1234567890123456789 took 12 s", "batch 1234567890123456789 took 12 s"),
    ],
)
def test_texts_are_scrubbed(said: str, shown: str) -> None:
    assert scrub(said) == shown


def test_an_error_is_told_without_what_it_quotes() -> None:
    assert told(ValueError("no route to +923001112223")) == "ValueError: no route to •••"
