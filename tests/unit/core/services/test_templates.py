"""Templates: refused with every fault, versions that never change, campaigns that keep theirs."""

import pytest
from sqlalchemy import select

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import contacts, records, templates
from connectpulse.core.storage.models import AuditEntry, Campaign, Template, TemplateVersion
from tests.unit.core.services.scene import CHANNEL, Scene


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("", "Hello", "Give the template a name"),
        ("Hello", "", "please fill this in"),
        ("Hello", "{{ town }}", "town is unknown"),
        ("Hello", "{{ first_name", "Line 1, column 1"),
        ("Hello", "a\x00", "cannot be stored"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_nothing_is_made(scene: Scene, name: str, body: str, sentence: str) -> None:
    with scene.work() as work:
        with pytest.raises(Refused, match=sentence):
            templates.create(work, name, CHANNEL, {"body": body})
        assert templates.usable(work, CHANNEL) == []


def test_a_field_is_known_once_it_is_made(scene: Scene) -> None:
    with scene.work() as work:
        contacts.create_field(work, "Town")
    scene.template("{{ town | default('Lahore') }}")


def test_an_unknown_channel_is_refused(scene: Scene) -> None:
    with scene.work() as work, pytest.raises(NotFound, match="is not installed"):
        templates.create(work, "Hello", "pigeon", {"body": "Hello"})


def test_a_revision_is_a_new_version_and_the_old_one_stays(scene: Scene) -> None:
    template_id = scene.template("One")
    with scene.work() as work:
        assert templates.revise(work, template_id, {"body": "Two"}).number == 2
        assert templates.revise(work, template_id, {"body": "Two"}).number == 2
        assert templates.current(work, template_id).content == {"body": "Two"}
        texts = work.session.scalars(select(TemplateVersion.content).order_by(TemplateVersion.number)).all()
        assert texts == [{"body": "One"}, {"body": "Two"}]


def test_a_refused_revision_changes_nothing(scene: Scene) -> None:
    template_id = scene.template("One")
    with pytest.raises(Refused), scene.work() as work:
        templates.revise(work, template_id, {"body": "{{ town }}"}, "New name")
    with scene.work() as work:
        assert templates.current(work, template_id).number == 1
        assert [each.name for each in templates.usable(work, CHANNEL)] == ["Hello"]


def test_a_campaign_keeps_the_version_it_was_made_with(scene: Scene) -> None:
    template_id = scene.template("One")
    campaign_id = scene.campaign(scene.people("p@x.org"), template_id=template_id)
    with scene.work() as work:
        templates.revise(work, template_id, {"body": "Two"})
    with scene.work() as work:
        version = records.find(work, Campaign, campaign_id).template_version
        assert version is not None
        assert version.content == {"body": "One"}


def test_a_new_name_and_a_new_text_are_written_down(scene: Scene) -> None:
    template_id = scene.template("One")
    with scene.work() as work:
        old = records.find(work, Template, template_id).name
        templates.revise(work, template_id, {"body": "One"}, "Salaam")
        templates.revise(work, template_id, {"body": "Two"}, "Greeting")
    with scene.work() as work:
        told = work.session.scalars(
            select(AuditEntry.detail).where(AuditEntry.verb == "template.updated").order_by(AuditEntry.id)
        )
        assert list(told) == [
            {"changes": {"name": [old, "Salaam"]}},
            {"changes": {"name": ["Salaam", "Greeting"]}, "version": 2},
        ]


def test_an_archived_template_is_not_offered(scene: Scene) -> None:
    template_id = scene.template()
    with scene.work() as work:
        templates.archive(work, template_id)
        assert templates.usable(work, CHANNEL) == []
        templates.archive(work, template_id, is_archived=False)
        assert [each.id for each in templates.usable(work, CHANNEL)] == [template_id]


def test_a_preview_shows_figures_and_faults_and_stores_nothing(scene: Scene) -> None:
    with scene.work() as work:
        preview, faults = templates.preview(work, CHANNEL, {"body": "Hello {{ town }}", "other": "x"})
        assert preview.figures == (("Characters", "16"),)
        assert faults
        assert templates.usable(work, CHANNEL) == []
