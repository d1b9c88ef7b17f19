"""Files: each content once, of one organisation, and not taken from under a template or a campaign."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import files, templates
from connectpulse.core.services.retention import engine
from connectpulse.core.storage.models import Campaign, File, FileUse, Template
from connectpulse.house import House
from connectpulse.testing import factories
from tests.plugins.poster import MOST, PDF, PNG, PosterChannel
from tests.unit.core.services.scene import Scene

OLD = timedelta(days=400)


@pytest.fixture
def site(poster_house: House) -> Scene:
    return Scene(poster_house, factories.organisation(poster_house))


@pytest.fixture
def small(site: Scene) -> Iterator[None]:
    """Let a file have a megabyte and an organisation two."""
    files.use(1, 2)
    yield
    files.use(25, 1024)


def kept(site: Scene, content: bytes = PNG, name: str = "logo.png") -> int:
    with site.work() as work:
        return files.keep(work, name, content).id


def poster(site: Scene, name: str = "Spring", **content: Any) -> int:
    with site.work() as work:
        return templates.create(work, name, "poster", {"body": "Salaam", **content}).id


def test_what_is_kept_is_read_as_it_came(site: Scene) -> None:
    with site.work() as work:
        made = files.keep(work, "C:\\pictures\\logo.png", PNG, "image/png")
        digest = hashlib.sha256(PNG).hexdigest()
        assert made == (made.id, "logo.png", "image/png", len(PNG), digest, PNG)
    with site.work() as work:
        assert files.read(work, made.id) == made
        assert factories.verbs(work).count("file.kept") == 1


def test_a_content_is_kept_once(site: Scene) -> None:
    first = kept(site)
    with site.work() as work:
        again = files.keep(work, "other.png", PNG)
        assert (again.id, again.name) == (first, "logo.png")
        assert work.session.scalar(select(func.count()).select_from(File)) == 1
        assert files.kept_bytes(work) == len(PNG)


def test_another_organisation_neither_sees_nor_shares_it(site: Scene) -> None:
    ours = kept(site)
    other = Scene(site.house, factories.organisation(site.house))
    theirs = kept(other)
    assert theirs != ours
    with other.work() as work:
        with pytest.raises(NotFound, match=f"There is no file {ours}"):
            files.read(work, ours)
        with pytest.raises(NotFound):
            files.remove(work, ours)
        assert files.find(work, [ours, theirs]).keys() == {theirs}
        assert files.put_in(work, f'<img src="file:{ours}">') == '<img src="data:,">'
    with pytest.raises(Refused, match=f"Picture: there is no file {ours}"):
        poster(other, picture=ours)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("", PNG, "has no name"),
        ("/", PNG, "has no name"),
        ("logo.png", b"", "is empty"),
        ("logo.png", PDF, "should be image/png"),
        ("big.txt", b"a" * (files.MEGABYTE + 1), "may have 1 MB at most"),
    ],
)
@pytest.mark.usefixtures("small")
def test_what_cannot_be_kept_is_refused(site: Scene, name: str, content: bytes, sentence: str) -> None:
    with site.work() as work, pytest.raises(Refused, match=sentence):
        files.keep(work, name, content)


@pytest.mark.usefixtures("small")
def test_an_organisation_keeps_so_much_and_others_as_much_again(site: Scene) -> None:
    for letter in (b"a", b"b"):
        kept(site, letter * files.MEGABYTE, "big.txt")
    with site.work() as work, pytest.raises(Refused, match=r"may keep 2 MB of files, and 2.0 MB are kept"):
        files.keep(work, "more.txt", b"c")
    assert kept(site, b"a" * files.MEGABYTE, "again.txt"), "what is there already takes no room"
    assert kept(Scene(site.house, factories.organisation(site.house)), b"c", "more.txt")


def test_a_content_names_files_that_fit(site: Scene) -> None:
    picture, leaflet = kept(site), kept(site, PDF, "offer.pdf")
    large = kept(site, PNG + bytes(MOST), "large.png")
    with site.work() as work:
        content = templates.read_content(
            work, "poster", {"body": "Salaam", "picture": str(picture), "leaflets": [leaflet, str(picture), leaflet]}
        )
        assert content == {"body": "Salaam", "picture": picture, "leaflets": [leaflet, picture]}
        with pytest.raises(Refused) as refused:
            templates.read_content(work, "poster", {"body": "Salaam", "picture": leaflet, "leaflets": [999]})
        assert refused.value.fields == {
            "picture": "Picture: offer.pdf is application/pdf; this must be image/*.",
            "leaflets": "Leaflets: there is no file 999. Choose another, or upload it again.",
        }
        with pytest.raises(Refused, match=r"large.png has 0.0 MB; at most 0.0 MB"):
            templates.read_content(work, "poster", {"body": "Salaam", "picture": large})
        empty = templates.read_content(work, "poster", {"body": "Salaam"})
        assert empty == {"body": "Salaam", "picture": None, "leaflets": []}


def test_a_channel_shares_the_bytes_and_shows_them(site: Scene) -> None:
    picture = kept(site)
    with site.work() as work:
        assert PosterChannel().share(work, "", {"picture": picture})["picture"].content == PNG
        seen = templates.document(work, "poster", {"body": "<Salaam>", "picture": picture})
    assert '<img alt="" src="data:image/png;base64,iVBORw0KGgo' in seen
    assert "<h1>&lt;Salaam&gt;</h1>" in seen


def test_what_is_in_use_is_not_deleted(site: Scene) -> None:
    picture, unused = kept(site), kept(site, PDF, "offer.pdf")
    template = poster(site, picture=picture, leaflets=[picture])
    with site.work() as work:
        files.remove(work, unused)
        with pytest.raises(Refused, match=r"logo.png is used by the template Spring. Take it out there first"):
            files.remove(work, picture)
        version = templates.current(work, template)
        campaign = Campaign(name="Eid", channel="poster", purpose="promotional", timezone="UTC",
                            template_version_id=version.id)  # fmt: skip
        work.session.add(campaign)
        templates.revise(work, template, {"body": "Khuda hafiz"})
        assert files.used_by(work, picture) == ["the campaign Eid"]
        with pytest.raises(Refused, match="the campaign Eid"):
            files.remove(work, picture)
        campaign.state = "finished"
        work.session.flush()
        files.remove(work, picture)
        assert work.session.scalar(select(func.count()).select_from(FileUse)) == 0
        assert factories.verbs(work).count("file.deleted") == 2


def test_what_no_template_uses_goes_after_its_time_and_the_rest_stays(site: Scene) -> None:
    used, fresh, unused = kept(site), kept(site, b"fresh", "a.txt"), kept(site, PDF, "offer.pdf")
    template = poster(site, picture=used)
    with site.work() as work:
        old = work.clock() - OLD
        work.session.execute(update(File).where(File.id.in_([used, unused])).values(used_at=old))
    assert _after_a_run(site) == {used, fresh}
    with site.work() as work:
        templates.revise(work, template, {"body": "Khuda hafiz"})  # counts as used till now
    assert _after_a_run(site) == {used, fresh}
    with site.work() as work:
        work.session.execute(update(File).where(File.id == used).values(used_at=old))
    assert _after_a_run(site) == {fresh}


def _after_a_run(site: Scene) -> set[int]:
    with site.work() as work:
        now = work.clock()
    engine.run(site.house.work, now)
    with site.work() as work:
        return set(work.session.scalars(select(File.id)))


def test_an_organisation_that_goes_takes_its_files_along(site: Scene) -> None:
    poster(site, picture=kept(site))
    with site.work() as work:
        for row in work.session.scalars(select(Template)):
            work.session.delete(row)
        work.session.flush()
        assert work.session.scalar(select(func.count()).select_from(FileUse)) == 0
