"""Twilio's callbacks through the house's own door: believed, kept, led on, worked off; and its prompts fetched."""

from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from calls_scene import ACCOUNT, read
from connectpulse_voice.twilio import peer, script
from prompts_scene import call
from sqlalchemy import text

from connectpulse.app import create_app
from connectpulse.core.services import callbacks, connections
from connectpulse.core.storage import guard
from connectpulse.house import House
from connectpulse.testing.factories import ADMINISTRATOR


def kept(house: House) -> list[tuple[str, str, str]]:
    with house.work(ADMINISTRATOR) as work, guard.platform_scope(work.session, "look at receipts"):
        rows = work.session.execute(text("SELECT reference, code, reason FROM pulse_receipt ORDER BY id")).all()
        return [(row[0], row[1], row[2]) for row in rows]


def test_a_call_is_led_on_fetched_for_and_kept(house: House) -> None:
    with house.work(ADMINISTRATOR) as work:
        made = connections.create(work, "Calls", "twilio_calls", read(ACCOUNT), is_trial=True)
        id, path = made.id, connections.callback_path(made)
    client = create_app(house).test_client()
    site = house.settings.public_url.rstrip("/")
    sent = call({"name": "علی"}, text="سلام {{ name }}", language="ur", opt_out_key="9")
    said, ended = script.addresses(site + path, peer.TOKEN, sent)

    def post(url: str, **fields: str) -> tuple[int, str]:
        parts = urlsplit(url)
        headers = peer.signed(url, fields)
        where = parts.path.removeprefix(urlsplit(site).path)
        answer = client.post(f"{where}?{parts.query}", data=urlencode(fields), headers=headers)
        again = client.post(f"{where}?{parts.query}x", data=urlencode(fields), headers=headers)
        assert again.status_code == 403, "another address is another signature"
        return answer.status_code, answer.text

    status, document = post(said, CallSid="CA1", CallStatus="in-progress", AnsweredBy="human")
    assert status == 200
    where = urlsplit(ElementTree.fromstring(document).findtext("Gather/Play", ""))
    fetched = client.get(where.path)
    assert (fetched.status_code, fetched.content_type) == (200, "audio/wav")
    assert len(fetched.data) > 8000
    assert post(ended, CallSid="CA1", CallStatus="completed", CallDuration="9", AnsweredBy="human")[0] == 200
    assert callbacks.drain(house.work, id) == 2
    assert [row for row in kept(house) if row[2]] == [("CA1", "", "answered_human")]
