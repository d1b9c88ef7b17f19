"""A visit to the page of a plugin that was just written; run where that plugin is installed, see test_scaffold."""

from connectpulse.house import House
from connectpulse.web.security import roles
from tests.journeys.panel_scene import panel, visitor

NOTES = "/acme/notes"
GOOD = {"scheme": "phone", "value": "+923001234567", "text": "Call <b>later</b>"}


def test_notes_are_added_found_and_deleted(house: House, organisation: int) -> None:
    admin = visitor(panel(house, organisation), roles.ORGANISATION_ADMINISTRATOR)
    assert "Nobody noted anything yet" in admin.get(f"{NOTES}/list/").text
    assert admin.post(f"{NOTES}/add", f"{NOTES}/add", GOOD).status_code == 302
    assert "Call &lt;b&gt;later" in admin.get(f"{NOTES}/list/").text
    assert "later" in admin.get(f"{NOTES}/list/?q=%2B923001234567").text
    assert "later" not in admin.get(f"{NOTES}/list/?q=%2B923007654321").text
    assert admin.get(f"{NOTES}/show/1").status_code == 200
    assert admin.post(f"{NOTES}/add", f"{NOTES}/add", GOOD | {"value": "x"}).status_code == 422
    assert admin.post(f"{NOTES}/delete/1", f"{NOTES}/list/").status_code == 302
    assert "Nobody noted anything yet" in admin.get(f"{NOTES}/list/").text


def test_others_read_and_strangers_sign_in(house: House, organisation: int) -> None:
    app = panel(house, organisation)
    manager = visitor(app, roles.CAMPAIGN_MANAGER)
    assert manager.get(f"{NOTES}/list/").status_code == 200
    assert manager.get(f"{NOTES}/add").status_code in (302, 403)
    assert visitor(app).get(f"{NOTES}/list/").status_code == 302
