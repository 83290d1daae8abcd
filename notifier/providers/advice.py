"""What an outcome tells a person who sets a mail service up: which setting to mend, or what is now to be expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from notifier.providers import SETTINGS
from notifier.providers.base import About, Accepted, Deferred, Outcome, Unknown

ACCEPTED_MEANS: Mapping[str, str] = MappingProxyType(
    {
        "outbox": "it is a file in the outbox folder; nothing is sent to anybody",
        "smtp": "the mail server answered 250 and now delivers it; should that fail, the sender's mailbox is told",
        "sendgrid": "SendGrid has queued it (202); whether it arrives, only its webhook and Activity page tell",
        "klaviyo": "Klaviyo has recorded an event of the metric 'Backorder Expected' (202); an email leaves only"
        " if a live flow starts on that metric, with Smart Sending off",
    }
)
_RIGHTS: Mapping[str, str] = MappingProxyType({"sendgrid": "Mail Send", "klaviyo": "events:write"})
_SERVERS: Mapping[str, str] = MappingProxyType(
    {
        "smtp": "NOTIFIER_SMTP_URL",
        "sendgrid": "SENDGRID_BASE_URL",
        "klaviyo": "KLAVIYO_BASE_URL",
        "outbox": "NOTIFIER_OUTBOX_DIR",
    }
)
_OWN_SERVERS: Mapping[str, str] = MappingProxyType(
    {"smtp": "keys.smtp.url", "sendgrid": "keys.sendgrid.base_url"}
)


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence, and the setting that it asks to mend, if it is one of ours."""

    sentence: str
    mend: str | None = None


def advise(provider: str, outcome: Outcome, *, key: str, sender: str) -> Advice:
    """What to make of it. `key` and `sender` are the names of the settings that hold those."""
    if isinstance(outcome, Accepted):
        return Advice(f"Accepted: {ACCEPTED_MEANS[provider]}.")
    if isinstance(outcome, Unknown):
        return _advice(outcome.reason, "it may have been taken: see whether it arrives before you try again")
    of_store = key not in SETTINGS.values()
    server = (_OWN_SERVERS if of_store else _SERVERS).get(provider)
    match outcome.about:
        case About.KEY:
            return _advice(outcome.reason, f"{key} is wrong or was revoked: enter it anew", key)
        case About.RIGHTS:
            needs = f", which needs {_RIGHTS[provider]}" if provider in _RIGHTS else ""
            return _advice(outcome.reason, f"give the key in {key} its right{needs}", key)
        case About.SENDER:
            todo = (
                f"set {sender} to an address that this account may send from, or have that one verified there"
            )
            return _advice(outcome.reason, todo, sender)
        case About.RECIPIENT:
            return _advice(outcome.reason, "all else works: send the test to another address in to", "to")
        case About.TLS:
            where = server or "the network of this machine"
            return _advice(
                outcome.reason, f"mend the scheme and port in {where}, or the server's certificate", server
            )
        case About.SERVER:
            where = f"the host and port in {server}" if server else "the network of this machine"
            return _advice(outcome.reason, f"mend {where}", server)
    if isinstance(outcome, Deferred):
        return _advice(outcome.reason, "no setting is wrong: try again later")
    return _advice(outcome.reason, f"look at the account that {key} opens", key)


def _advice(reason: str, todo: str, mend: str | None = None) -> Advice:
    return Advice(f"{reason.rstrip('. ')}; {todo}.", mend)
