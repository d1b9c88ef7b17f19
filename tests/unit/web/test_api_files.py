"""Files by the API: kept as the panel keeps them, and never another organisation's."""

import hashlib
import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from connectpulse.core.domain.form import Field, Kind
from connectpulse.core.domain.scopes import FILES_READ, FILES_WRITE
from connectpulse.core.errors import Refused
from connectpulse.core.services import files
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.api import door
from connectpulse.web.api.v1 import document, routing
from tests.plugins.poster import PDF, PNG
from tests.unit.web.api_scene import Machine, machine, said

BOTH = (FILES_READ, FILES_WRITE)


def send(program: Machine, content: bytes = PNG, name: str = "logo.png", **options: Any) -> TestResponse:
    return program.call("/files", "POST", data={"file": (io.BytesIO(content), name)}, **options)


@pytest.fixture
def program(house: House, app: Flask, organisation: int) -> Machine:
    return machine(house, app, organisation, *BOTH)


def test_a_file_is_kept_and_listed(program: Machine, house: House, organisation: int) -> None:
    made = send(program)
    assert made.status_code == 201
    body = made.get_json()
    digest = hashlib.sha256(PNG).hexdigest()
    told = {"id": body["id"], "name": "logo.png", "media_type": "image/png", "size": len(PNG), "sha256": digest}
    assert body == told
    assert send(program, name="again.png").get_json() == told
    listed = program.call("/files").get_json()
    assert listed["next"] is None
    assert [{**each, "created_at": ""} for each in listed["files"]] == [{**told, "created_at": ""}]
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        assert files.read(work, body["id"]).content == PNG


def test_pages_follow_each_other(program: Machine) -> None:
    ids = [send(program, name.encode(), f"{name}.txt").get_json()["id"] for name in "abc"]
    first = program.call("/files?limit=2").get_json()
    assert [each["id"] for each in first["files"]] == ids[:0:-1]
    second = program.call(first["next"].removeprefix("/api/v1")).get_json()
    assert [each["id"] for each in second["files"]] == ids[:1]


def test_another_organisations_files_are_not_there(program: Machine, house: House, app: Flask) -> None:
    send(program)
    other = machine(house, app, factories.organisation(house), *BOTH)
    assert other.call("/files").get_json()["files"] == []


def test_each_way_asks_for_its_own_scope(house: House, app: Flask, organisation: int) -> None:
    reader = machine(house, app, organisation, FILES_READ)
    assert send(reader).status_code == 403
    assert machine(house, app, organisation, FILES_WRITE).call("/files").status_code == 403


def test_what_cannot_be_kept_is_said(program: Machine) -> None:
    assert "should be image/png" in said(send(program, PDF))["detail"]
    assert said(program.call("/files", "POST", data={"other": "x"}, content_type="multipart/form-data"))["faults"] == {
        "file": "file: send a file with a name."
    }
    assert said(program.call("/files", "POST", json={})).get("status") == 415


def test_only_where_files_are_taken_may_a_body_be_large(program: Machine) -> None:
    large = b"a" * (door.MOST_BYTES + 1)
    assert send(program, large, "large.txt").status_code == 201
    assert program.call("/me", data=large).status_code == 413
    assert program.call("/files", data=large).status_code == 413


def test_an_upload_sent_again_has_its_effect_once(program: Machine) -> None:
    word = {"Idempotency-Key": "one", "Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nSalaam\r\n--x--\r\n'
    first = program.call("/files", "POST", data=body, headers=word)
    again = program.call("/files", "POST", data=body, headers=word)
    assert first.status_code == 201
    assert (again.get_json(), again.headers["Idempotent-Replay"]) == (first.get_json(), "true")
    other = program.call("/files", "POST", data=body.replace(b"Salaam", b"Khuda hafiz"), headers=word)
    assert other.status_code == 422


FORM = (Field("picture", "Picture", Kind.FILE, accept=("image/png",), high=1000), Field("more", "More", Kind.FILES))


def test_the_document_tells_of_files() -> None:
    body = document.whole()["paths"]["/api/v1/files"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["properties"] == {"file": {"type": "string", "format": "binary"}}
    told = document.schema(FORM)["properties"]
    assert told["picture"] == {
        "type": "integer",
        "description": "Picture. A file of image/png, of 1,000 bytes at most.",
    }
    assert told["more"] == {"type": "array", "items": {"type": "integer"}, "description": "More. Files."}


def test_ids_of_files_are_read_from_json(app: Flask) -> None:
    with app.test_request_context(json={"picture": 7, "more": [8, 9, 8]}):
        assert routing.body(FORM) == {"picture": 7, "more": [8, 9]}
    with app.test_request_context(json={"picture": "7", "more": 8}), pytest.raises(Refused) as refused:
        routing.body(FORM)
    assert refused.value.fields == {"picture": "Picture: this is no whole number.", "more": "More: this is no list."}
