"""The guides in the panel: all of the documentation, with links that lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from connectpulse.house import House
from connectpulse.web.panel import guides
from connectpulse.web.security import roles
from tests.house.code import ROOT
from tests.journeys.panel_scene import panel, visitor

DOCS = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


def test_every_page_of_the_documentation_is_on_a_shelf() -> None:
    assert sorted(guides.NAMES) == DOCS
    assert [guide.name for _, shelf in guides.shelves() for guide in shelf] == list(guides.NAMES)


def test_guides_are_read_by_whoever_is_signed_in_and_lead_to_each_other(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    with app.test_request_context():
        made = {name: guides.body(name) for name in DOCS}
    for name, html in made.items():
        assert 'href=""' not in html
        assert "<script" not in html
        for target, anchor in re.findall(r'href="(?:/guides/([\w-]+))?(?:#([^"]+))?"', html):
            assert not anchor or f'id="{anchor}"' in made[target or name], f"{name} links to {target}#{anchor}"
    assert app.test_client().get("/guides/sending").status_code == 302
    person = visitor(app, roles.ANALYST)
    page = person.get("/guides/sending").text
    assert "From launch to hand-over" in page
    assert '<a href="/guides/api">' in page
    assert "<table>" in page
    assert '<a href="/guides/sending">' in person.get("/help/").text
    for name in ("nothing", "../README", "adr", "sending.md", "%2e%2e"):
        assert person.get(f"/guides/{name}").status_code == 404


@pytest.mark.slow
def test_a_distribution_brings_the_guides_with_it(tmp_path: Path) -> None:
    build = "from hatchling.build import build_wheel; print(build_wheel({!r}))"
    done = subprocess.run(
        [sys.executable, "-c", build.format(str(tmp_path))], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        assert {f"connectpulse/guides/{name}.md" for name in DOCS} <= set(wheel.namelist())
