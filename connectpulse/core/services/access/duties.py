"""What access owes: its verbs, how long its records are kept, and whose they are."""

from datetime import timedelta

from ...domain.audit import AuditAction
from ...domain.retention import RetentionRule, SubjectHandler, Then
from ...storage import models as m
from ..part import Part
from ..subjects import by_address, by_user, handler

SIGN_IN = timedelta(days=180)
_DAY = timedelta(days=1)

ACTIONS = (
    AuditAction("user.locked", "The account {object} was closed for a while after too many wrong attempts."),
    AuditAction("user.proven", "{actor} proved again who they are."),
    AuditAction("user.proof_failed", "Somebody signed in as {object} typed a wrong password."),
    AuditAction("user.unlocked", "{actor} opened the account {object} again."),
    AuditAction("user.sessions_ended", "{actor} ended sessions of {object}."),
    AuditAction("user.role_changed", "{actor} changed the role of {object} on the platform."),
    AuditAction("user.change_demanded", "{actor} asked {object} to choose a new password."),
    AuditAction("user.password_changed", "{actor} changed the password of {object}."),
    AuditAction("user.reset_asked", "A link for a new password of {object} was asked for."),
    AuditAction("user.totp_added", "{actor} set up an authenticator app for {object}."),
    AuditAction("user.totp_removed", "{actor} removed the authenticator app of {object}."),
    AuditAction("user.codes_renewed", "{actor} made the recovery codes of {object} anew."),
    AuditAction("user.recovery_code_used", "A recovery code of {object} was used."),
    AuditAction("user.passkey_added", "{actor} added a passkey to {object}."),
    AuditAction("user.passkey_removed", "{actor} removed a passkey of {object}."),
    AuditAction("user.factors_reset", "{actor} took the second factors of {object} away."),
    AuditAction("access.rule_changed", "{actor} changed whose accounts need a second factor."),
    AuditAction("invitation.sent", "{actor} sent an invitation.", redact=("name",)),
    AuditAction("invitation.withdrawn", "{actor} withdrew an invitation.", redact=("name",)),
    AuditAction("invitation.accepted", "{actor} accepted an invitation.", redact=("name",)),
    AuditAction("invitation.declined", "{actor} declined an invitation.", redact=("name",)),
    AuditAction("invitation.tried", "{actor} tried to make an account for somebody who has one.", redact=("name",)),
)


def rules() -> list[RetentionRule]:
    security, account = "security of accounts", "account, for as long as it lasts"

    def log(model: type, keep: timedelta, age: str, *personal: str, final_only: str | None = None) -> RetentionRule:
        return RetentionRule(model, age, keep, Then.PURGE, security, personal, final_only)

    def kept(model: type, *personal: str) -> RetentionRule:
        return RetentionRule(model, "created_at", None, Then.PURGE, account, personal)

    return [
        log(m.UserSession, SIGN_IN, "id", "user_id", "address", "device"),
        log(m.SignIn, SIGN_IN, "id", "user_id", "address", "network", "device"),
        log(m.KnownDevice, SIGN_IN, "seen_at", "user_id", "device"),
        log(m.Invitation, timedelta(days=30), "created_at", "email", "first_name", "last_name"),
        log(m.PasswordReset, _DAY, "created_at", "user_id"),
        RetentionRule(m.AccessChange, "changed_at", None, Then.PURGE, "security of accounts, until it is told"),
        log(m.Challenge, _DAY, "expires_at", "user_id"),
        log(m.WrongTries, timedelta(days=2), "updated_at", "user_id", final_only="closed_until < now()"),
        kept(m.AccountState, "user_id"),
        kept(m.RecoveryCode, "user_id"),
        kept(m.Passkey, "user_id", "name"),
        kept(m.SecondFactorRule),
    ]


def handlers() -> list[SubjectHandler]:
    def own(model: type, *personal: str, hidden: tuple[str, ...] = ()) -> SubjectHandler:
        return handler(model, by_user(model, "user_id"), personal, erase_row=True, hidden=hidden)

    return [
        own(m.UserSession, "user_id", "address", "device"),
        own(m.SignIn, "user_id", "address", "network", "device"),
        own(m.KnownDevice, "user_id", "device"),
        handler(m.Invitation, by_address(m.Invitation, None, "email"), ("email", "first_name", "last_name"),
                erase_row=True),
        own(m.PasswordReset, "user_id"),
        own(m.Challenge, "user_id"),
        own(m.WrongTries, "user_id"),
        own(m.AccountState, "user_id", hidden=("totp",)),
        own(m.RecoveryCode, "user_id"),
        own(m.Passkey, "user_id", "name"),
    ]  # fmt: skip


PART = Part(actions=ACTIONS, rules=rules, handlers=handlers)
