"""Searching among many organisations: by the beginning of the name, and by an index."""

from flask import Flask
from sqlalchemy import text

from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

MANY = 30_000


def test_thirty_thousand_organisations_are_searched_by_an_index(house: House, organisation: int) -> None:
    app: Flask = panel(house, organisation)
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pulse_organisation (name, country, timezone) "
                "SELECT 'Branch ' || n, 'PK', 'Asia/Karachi' FROM generate_series(1, :many) n"
            ),
            {"many": MANY},
        )
        connection.execute(
            text("INSERT INTO pulse_organisation (name, country, timezone) VALUES ('لاہور', 'PK', 'UTC')")
        )
        connection.execute(text("ANALYZE pulse_organisation"))
    person = visitor(app, roles.PLATFORM_ADMINISTRATOR)

    def found(words: str) -> list[str]:
        answer = person.get("/profile/lookup", query_string={"q": words}).get_json()
        return [each["text"] for each in answer["results"]]

    assert found("bRANCH 2999") == ["Branch 2999", *(f"Branch 2999{n}" for n in range(10))]
    assert found("لاہ") == ["لاہور"]
    assert found("anch") == found("%") == found("_") == []
    name = 'lower(name) COLLATE "C"'
    among = f"WHERE {name} >= lower('branch 2999') AND {name} < lower('branch 2999') || chr(1114111)"
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "test"):
        for where in ("", among):
            asked = text(f"EXPLAIN SELECT id, name FROM pulse_organisation {where} ORDER BY {name}, id LIMIT 40")
            told = "\n".join(work.session.execute(asked).scalars())
            assert "ix_pulse_organisation_name" in told, told
            assert "Seq Scan" not in told, told
