"""What the API's door costs: a check of a key beside a bare look at its row, a request with and without its line."""

import time
from collections.abc import Callable, Iterator

from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.domain.scopes import SCOPES
from connectpulse.core.services.api import keys
from connectpulse.core.services.api.requests import RequestLog, Seen
from connectpulse.core.services.work import SYSTEM
from connectpulse.testing import factories
from connectpulse.web.api import door

from .figure import Figure
from .scene import Scene, scene

KEYS = 10_000
"""Keys in the table while one is looked for."""
ADDRESS = "203.0.113.7"
_BARE = text("SELECT id FROM pulse_api_key WHERE digest = :digest")
_LINE = Seen(1, 1, None, "GET", "/api/v1/me", 200, 300, 4, ADDRESS, "0123456789abcdef", "till/3")


def measure(requests: int) -> Iterator[Figure]:
    """Yield microseconds of a check (median, 99 of 100), of a whole request, and the rate lines are written at."""
    with scene() as stage:
        token = _fill(stage)
        half = requests // 2
        digest = keys.digest(token)
        _spread(half // 10, lambda: _look(stage, digest))
        bare, checks = _spread(half, lambda: _look(stage, digest)), _spread(half, lambda: _check(stage, token))
        yield Figure("api_key_check", _part(checks, 50), "µs, median", "bare SELECT", _part(bare, 50))
        yield Figure("api_key_check_p99", _part(checks, 99), "µs, 99 of 100", "bare SELECT", _part(bare, 99))
        yield from _whole(stage, token, requests // 10)
        yield _lines(stage, requests * 10)


def _fill(stage: Scene) -> str:
    """Make a key among many; return it."""
    with stage.house.work(factories.ADMINISTRATOR, stage.line.organisation) as work:
        _, token = keys.create(work, keys.Draft("Bench", list(SCOPES), 10**9, ["203.0.113.0/24"]))
        work.session.execute(
            text(
                "INSERT INTO pulse_api_key (organisation_id, name, prefix, digest, scopes, rate_per_minute) "
                "SELECT :organisation, 'Key ' || n, 'pulse_' || n, sha256(n::text::bytea), '{}', 1 "
                "FROM generate_series(1, :keys) n"
            ),
            {"organisation": stage.line.organisation, "keys": KEYS},
        )
    return token


def _look(stage: Scene, digest: bytes) -> None:
    with stage.house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(_BARE, {"digest": digest}).one()


def _check(stage: Scene, token: str) -> None:
    with stage.house.work(SYSTEM) as work:
        door.in_one_trip(work)
        keys.check(work, token, ADDRESS)


def _spread(count: int, act: Callable[[], None]) -> list[float]:
    """Return how long each of `count` acts took, in microseconds, ascending."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1e6)
    return sorted(took)


def _part(took: list[float], percent: int) -> float:
    return took[min(len(took) - 1, len(took) * percent // 100)]


def _whole(stage: Scene, token: str, requests: int) -> Iterator[Figure]:
    """Yield what a request costs beside the same one whose line is not kept: what the log slows requests by."""
    app = create_app(stage.house)
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    log = app.extensions["pulse_request_log"]
    door.NETWORK_LIMIT = 10**9

    def ask() -> None:
        answer = client.get("/api/v1/me", headers=headers, environ_base={"REMOTE_ADDR": ADDRESS})
        assert answer.status_code == 200, answer.text

    _spread(requests // 10, ask)
    took: dict[bool, list[float]] = {True: [], False: []}
    add = log.add
    for number in range(requests):  # in turns, so that neither has the better moment of a busy machine
        is_logged = number % 2 == 0
        log.add = add if is_logged else lambda line: None
        took[is_logged] += _spread(1, ask)
    log.add = add
    logged, plain = sorted(took[True]), sorted(took[False])
    yield Figure("api_request", _part(logged, 50), "µs, median", "without its line", _part(plain, 50))
    yield Figure("api_request_p99", _part(logged, 99), "µs, 99 of 100", "without its line", _part(plain, 99))


def _lines(stage: Scene, lines: int) -> Figure:
    """Return the rate lines of the request log are written at, in batches as big as the log keeps."""
    log = RequestLog(stage.house.work)
    batch, written, seconds = 5_000, 0, 0.0
    while written < lines:
        with log._lock:  # noqa: SLF001 - without the thread, whose pauses would be measured
            log._lines.extend([_LINE] * batch)  # noqa: SLF001
        began = time.perf_counter()
        written += log.flush()
        seconds += time.perf_counter() - began
    return Figure("api_request_log", written / seconds, "lines/s")
