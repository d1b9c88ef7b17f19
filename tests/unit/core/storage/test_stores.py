"""Stores on this machine and in an S3-compatible server: an object is whole or absent, and stays in its folder."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from connectpulse.core.errors import Misconfigured, NotFound, Refused
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage.stores import Store
from connectpulse.house import House


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    import boto3

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="pulse")
        yield f"s3://pulse/site?endpoint_url={address}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("s3"))


def test_what_is_put_is_got(store: Store) -> None:
    store.put("2026/one.bin", b"\0\1" * 1000)
    store.put("2026/one.bin", b"again")
    assert store.get("2026/one.bin") == b"again"
    assert store.has("2026/one.bin")
    [entry] = store.entries("2026")
    assert (entry.name, entry.size) == ("2026/one.bin", 5)
    assert entry.modified_at.tzinfo is not None
    store.delete("2026/one.bin")
    store.delete("2026/one.bin")
    assert store.entries() == []
    with pytest.raises(NotFound):
        store.get("2026/one.bin")


def test_an_object_that_fails_midway_is_absent(store: Store) -> None:
    store.put("kept", b"before")
    with pytest.raises(TypeError), store.writing("kept") as file:
        file.writelines([b"after", "no bytes"])  # type: ignore[list-item]
    assert store.get("kept") == b"before"
    assert [entry.name for entry in store.entries()] == ["kept"]
    store.delete("kept")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../secrets.json", "a/../../b", "."])
def test_a_name_stays_in_the_folder(store: Store, name: str) -> None:
    with pytest.raises(Refused):
        store.put(name, b"x")


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    Store(str(tmp_path / "store")).put("a/b", b"x")
    assert stat.S_IMODE((tmp_path / "store/a/b").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "store/a").stat().st_mode) == 0o700


def test_a_store_nobody_knows_is_refused() -> None:
    with pytest.raises(Misconfigured, match="nosuch"):
        Store("nosuch://host/folder")


def test_a_store_that_is_asked_within_work_is_found_out(
    house: House, tmp_path: Path, asked_within_work: list[str]
) -> None:
    store = Store(str(tmp_path / "store"))
    with house.work(SYSTEM) as work:
        store.put("before.bin", b"1")
        assert asked_within_work == []  # nothing is read yet, so there is no connection
        work.session.execute(text("SELECT 1"))
        for ask in (lambda: store.put("one.bin", b"1"), lambda: store.get("one.bin"), store.entries,
                    lambda: store.delete("one.bin")):  # fmt: skip
            asked_within_work.clear()
            ask()
            assert "test_stores.py" in asked_within_work[0]
    asked_within_work.clear()
    store.put("after.bin", b"1")
