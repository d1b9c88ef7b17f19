"""The door at which a gateway fetches what a call says, and the page that plays it in the panel."""

import base64
import io
import re
import wave
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from connectpulse_voice import seal
from connectpulse_voice.channel import VoiceChannel
from connectpulse_voice.prompts import links, player
from flask.testing import FlaskClient
from prompts_scene import loudness, pitch, recording

from connectpulse.app import create_app
from connectpulse.core.api import NotFound, files
from connectpulse.core.services.work import Work
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR

CALLBACKS = "https://pulse.example.com/below/callbacks/7/secret?a=b"
SPOKEN = {"text": "محترم {{ name }}، آپ کا بل ادا کرنا ہے", "language": "ur"}


@pytest.fixture
def caller(house: House) -> FlaskClient:
    return create_app(house).test_client()


def path(content: dict[str, object], which: str = "prompt", **values: str) -> str:
    url = urlsplit(links.address(CALLBACKS, content, values, which))
    assert (url.netloc, url.query) == ("pulse.example.com", "")
    assert url.path.startswith("/below/hooks/voice/prompt/")
    return url.path.removeprefix("/below")


def played(content: bytes) -> bytes:
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return file.readframes(file.getnframes())


def test_speech_is_fetched_with_its_values(caller: FlaskClient) -> None:
    where = path(SPOKEN, name="علی")
    assert "علی" not in base64.urlsafe_b64decode(where.rpartition("/")[2] + "==").decode("latin-1")
    answer = caller.get(where)
    assert (answer.status_code, answer.content_type) == (200, "audio/wav")
    assert loudness(played(answer.data)) > 0.03
    longer = caller.get(path(SPOKEN, name="علی " * 20))
    assert len(longer.data) > len(answer.data)
    assert caller.get(path({"more_text": "In the main street."}, "more")).status_code == 200


def test_a_recording_is_fetched_as_the_telephone_plays_it(caller: FlaskClient, house: House, organisation: int) -> None:
    with house.work(ADMINISTRATOR, organisation) as work:
        kept = files.keep(work, "hello.mp3", recording("MP3", subtype="MPEG_LAYER_III"))
    answer = caller.get(path({"prompt": "recording", "recording": kept.id}))
    assert answer.status_code == 200
    assert pitch(played(answer.data)) == pytest.approx(440, abs=3)
    assert caller.get(path({"prompt": "recording", "recording": kept.id + 1})).status_code == 404
    assert caller.get(path({"prompt": "recording", "recording": None})).status_code == 404


def test_only_our_own_addresses_are_answered(caller: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    where = path(SPOKEN)
    changed = "A" if where[-9] != "A" else "B"  # the last letter's last bits mean nothing
    assert caller.get(where[:-9] + changed + where[-8:]).status_code == 404
    foreign = seal.sealed(seal.key_of("something else"), {"file": 1})
    assert caller.get(f"/hooks/voice/prompt/{foreign}").status_code == 404
    assert caller.post(where).status_code == 405
    monkeypatch.setattr(links, "GOOD_FOR", timedelta(seconds=-1))
    assert caller.get(where).status_code == 404, "too old"


def test_what_cannot_be_spoken_is_refused(caller: FlaskClient) -> None:
    assert caller.get(path({"text": "…"})).status_code == 400
    assert caller.get(path({"text": "{{ broken"})).status_code == 400


def test_a_sealed_word_unfolds_to_a_bounded_size() -> None:
    key = seal.key_of("token")
    assert seal.opened(key, seal.sealed(key, {"text": "آپ" * 900}), timedelta(hours=1)) == {"text": "آپ" * 900}
    bomb = seal.sealed(key, {"text": "x" * 2_000_000})
    assert len(bomb) < 4000
    with pytest.raises(NotFound):
        seal.opened(key, bomb, timedelta(hours=1))


def test_the_key_of_the_site_is_its_own(house: House) -> None:
    assert links._key() != trust.key("voice prompts"), "no plugin reaches the keys of the house"
    assert len(links._key()) == 32


def sounds(document: str) -> list[bytes]:
    return [base64.b64decode(each) for each in re.findall(r'src="data:audio/wav;base64,([^"]+)"', document)]


def test_the_editor_plays_the_call_as_it_will_be_heard(work: Work) -> None:
    content = {
        "prompt": "speech", "text": "Dear {{ first_name }}, come & see <us>.", "language": "en", "pace": 150,
        "more_key": "2", "more_text": "We are in the main street.", "opt_out_key": "9", "answers": "1 <b>I come</b>",
        "wait_seconds": 5, "most_seconds": 120,
    }  # fmt: skip
    shown = VoiceChannel().preview(content)
    call, more = map(played, sounds(shown.document))
    assert loudness(call) > 0.03
    assert loudness(more) > 0.03
    figures = dict(shown.figures)
    assert figures["Spoken"] == f"{len(call) / 16000:.1f} seconds"
    assert (figures["Started minutes"], figures["Steps of six seconds"]) == ("1", "1")
    assert "&lt;b&gt;I come" in shown.document
    assert "<script" not in shown.document
    assert "is not called again" in shown.document
    assert shown.warnings == ()


def test_the_editor_warns_of_what_is_never_heard() -> None:
    content = {"text": "one two three four five six seven eight nine ten " * 3, "pace": 80, "most_seconds": 10}
    (warning,) = player.show(content).faults
    assert "ended after 10" in warning
    assert player.show(content | {"most_seconds": 60}).faults == ()


def test_the_editor_plays_a_recording_of_the_house() -> None:
    shown = player.show({"prompt": "recording", "recording": 12})
    assert 'src="file:12"' in shown.document
    assert "No recording is chosen" in player.show({"prompt": "recording"}).document


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"text": "{{ broken"},
        {"text": "Hello", "pace": "fast"},
        {"text": "Hello", "language": "??"},
        {"prompt": "recording", "recording": "x"},
        {"text": ""},
    ],
)
def test_the_editor_shows_what_is_half_typed(content: dict[str, str]) -> None:
    shown = player.show(content)
    assert not sounds(shown.document)
