"""Any SMS gateway that is spoken to over HTTP, described by settings instead of code."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from connectpulse.core.api import (
    Ambiguity,
    AnswerLost,
    Callback,
    Capability,
    Check,
    ConnectionLost,
    Disclosure,
    EgressSession,
    ErrorClass,
    Events,
    Form,
    Intake,
    Outcome,
    Provider,
    Refused,
    Rejected,
    Samples,
    Submission,
    Unknown,
    Unreachable,
    requests,
)

from . import rules, samples
from .answer import Answer
from .call import Call, base_url, send_call
from .form import FORM, complete
from .login import Login, LoginRules, NotLoggedIn
from .presets import PRESETS
from .questions import Lookup, Ping
from .receipts import CallbackMap, is_genuine
from .values import Values, credentials
from .verdict import HTTP_ERRORS, Judge, SessionEnded, Verdict

_DISCLOSED: Final = {
    "to": "recipient's number",
    "from": "sender",
    "text": "message text",
    "reference": "message reference",
    "callback_url": "message reference",
    "purpose": "purpose",
}


class GatewayProvider(Provider):
    """Sends each message as one HTTP request, at most `window` of them at a time."""

    name: ClassVar = "gateway"
    title: ClassVar = "HTTP gateway"
    channel: ClassVar = "sms"
    summary: ClassVar = "Kannel, playSMS, the operators' own gateways: any that takes a message over HTTP."
    settings_form: ClassVar[Form] = FORM
    presets: ClassVar = PRESETS
    ambiguity: ClassVar = Ambiguity.BLIND
    capabilities: ClassVar = frozenset({Capability.RECEIPTS, Capability.INBOUND, Capability.CALLBACKS})
    errors: ClassVar = HTTP_ERRORS

    def __init__(
        self, settings: Mapping[str, Any], intake: Intake, *, window: int = 10, callback_url: str = ""
    ) -> None:
        settings = complete(settings)
        super().__init__(settings, intake, window=window, callback_url=callback_url)
        self._base = base_url(settings)
        self._call = send_call(settings)
        self._judge = Judge.of(settings)
        self._values = Values(settings, callback_url)
        self._lookup = Lookup.of(settings)
        self._ping = Ping.of(settings)
        self._credentials = credentials(settings)
        login = LoginRules.of(settings)
        self._login = Login(login, self._judge, self._credentials, self._ask) if login else None
        self._egress: EgressSession | None = None

    @classmethod
    def ambiguity_of(cls, settings: Mapping[str, Any]) -> Ambiguity:
        """Return what may be done about a lost answer of the gateway these settings describe."""
        return Ambiguity(complete(settings)["ambiguity"])

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> list[str]:
        """Return one sentence per fault: unknown placeholders, malformed conditions, what is missing."""
        return rules.faults(complete(settings))

    @classmethod
    def disclosure(cls, settings: Mapping[str, Any]) -> Disclosure:
        """Return the gateway's host and what its requests really contain."""
        settings = complete(settings)
        names = send_call(settings).names
        countries = str(settings["countries"] or "").replace(",", " ").split()
        return Disclosure(
            (urlsplit(base_url(settings)).hostname or "",),
            tuple(dict.fromkeys(words for name, words in _DISCLOSED.items() if name in names)),
            tuple(country.upper() for country in countries),
        )

    @classmethod
    def samples(cls) -> Samples:
        """Return settings, a peer that speaks Kannel's dialect, and its callbacks."""
        return samples.kannel()

    @classmethod
    def verify_callback(cls, settings: Mapping[str, Any], callback: Callback) -> bool:
        """Return whether the callback's address carries this connection's secret."""
        return is_genuine(complete(settings), callback)

    @classmethod
    def parse_callback(cls, settings: Mapping[str, Any], callback: Callback) -> Events:
        """Return the receipts and incoming messages of a callback; raise ValueError if it has none."""
        return CallbackMap.of(complete(settings)).events(callback)

    async def open(self) -> None:
        """Look the gateway up and log in where it wants that; raise ConnectionLost when it fails."""
        try:
            await self._session().resolve(self._base)
            if self._login:
                await self._login.session()
        except Refused as refused:
            raise ConnectionLost(ErrorClass.CREDENTIAL, str(refused)) from None
        except Unreachable as unreachable:
            raise ConnectionLost(ErrorClass.PROVIDER, str(unreachable)) from None
        except NotLoggedIn as failed:
            is_ours = failed.outcome.error is ErrorClass.CREDENTIAL
            error = ErrorClass.CREDENTIAL if is_ours else ErrorClass.PROVIDER
            raise ConnectionLost(error, _login_sentence(failed)) from None

    async def close(self) -> None:
        """Close every connection to the gateway."""
        if self._login:
            await self._login.close()
        if self._egress:
            await self._egress.close()
            self._egress = None

    async def send_batch(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Send each message once. A refused login, a throttle or a dead line spares the rest the attempt."""
        return await requests.spread(batch, self.window, self._send)

    async def lookup(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Ask the gateway by our references; what it does not answer stays Unknown."""
        if self._lookup is None:
            return await super().lookup(batch)
        return await requests.spread(batch, self.window, partial(self._ask_after, self._lookup), stops=None)

    async def check(self) -> Check:
        """Try guard, name, connection and certificate, the login, and the free request if one is set."""
        was_open = self._egress is not None
        steps = [f"To be confirmed: {self.settings['remarks']}"] if self.settings["remarks"] else []
        try:
            async for step in self._session().probe(self._base):
                steps.append(step)  # noqa: PERF401 - the steps before a failure are kept
            if self._login:
                await self._login.session()
                steps.append("The login works.")
            is_working, step = await self._try_ping()
        except (Refused, Unreachable) as failed:
            is_working, step = False, str(failed)
        except NotLoggedIn as failed:
            is_working, step = False, _login_sentence(failed)
        finally:
            if not was_open:
                await self.close()
        return Check(is_working, (*steps, step))

    def _session(self) -> EgressSession:
        if self._egress is None:
            self._egress = EgressSession(
                connections=self.window,
                timeout=self.settings["timeout"],
                certificates=self.settings["certificates"] or "",
            )
        return self._egress

    async def _send(self, submission: Submission) -> Outcome:
        values = self._values.of(submission)
        if isinstance(values, Rejected):
            return values
        verdict = await self._submit(submission.token, values)
        if isinstance(verdict, SessionEnded) and self._login:
            self._login.forget(values["session"])
            verdict = await self._submit(submission.token, values)
        if isinstance(verdict, SessionEnded):
            return Rejected("session_refused", ErrorClass.CREDENTIAL)
        return verdict

    async def _submit(self, token: str, values: dict[str, str]) -> Verdict:
        try:
            if self._login:
                values["session"] = await self._login.session()
            answer = await self._ask(self._call, values)
        except NotLoggedIn as failed:
            return failed.outcome
        except ValueError:
            return Rejected("text_not_supported", ErrorClass.CONTENT)
        return self._judge.judge(answer, token) if isinstance(answer, Answer) else answer

    async def _ask_after(self, lookup: Lookup, submission: Submission) -> Outcome:
        values = self._values.of(submission)
        if isinstance(values, Rejected):
            return Unknown()
        try:
            if self._login:
                values["session"] = await self._login.session()
            answer = await self._ask(lookup.call, values)
        except (NotLoggedIn, ValueError):
            return Unknown()
        return lookup.outcome(answer, submission.token) if isinstance(answer, Answer) else Unknown()

    async def _ask(self, call: Call, values: Mapping[str, str]) -> Answer | Outcome:
        """Send a request; raise ValueError, before anything is sent, if a value cannot be written."""
        url, headers, body = call.request(values)
        try:
            reply = await self._session().request(call.method, url, headers=headers, body=body)
        except Refused:
            return requests.NOT_ALLOWED
        except Unreachable:
            return requests.UNREACHABLE
        except AnswerLost:
            return self._judge.lost()
        return Answer(reply)

    async def _try_ping(self) -> tuple[bool, str]:
        if self._ping is None:
            return True, "No message was sent, so the credentials were not tried."
        session = await self._login.session() if self._login else ""
        answer = await self._ask(self._ping.call, self._credentials | {"session": session})
        if not isinstance(answer, Answer):
            return False, "The gateway was reached, but did not answer the check request."
        sentence = self._ping.sentence(answer)
        return bool(sentence), sentence or f"The check request was refused (HTTP status {answer.status})."


def _login_sentence(failed: NotLoggedIn) -> str:
    outcome = failed.outcome
    code = f" (code {outcome.code})" if outcome.code else ""
    return f"The login failed: {outcome.reason.replace('_', ' ')}{code}."
