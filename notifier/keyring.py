"""The keys that a store has at mail services of its own: sealed in the database, and shown to nobody again."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import urlsplit

from sqlmodel import Session

from notifier import providers
from notifier.db import accounts
from notifier.db.account_tables import ProviderKeys
from notifier.errors import Fault, Invalid, Misconfigured
from notifier.providers.base import Provider
from notifier.providers.reports import sendgrid_key
from notifier.providers.templates import template_of_kind
from notifier.sealed import seal, unseal
from notifier.webhooks.target import PRIVATE_NAMES, refusal

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sendgrid": ("api_key", "base_url", "unsubscribe_group", "templates", "webhook_public_key"),
        "klaviyo": ("api_key", "webhook_secret"),
        "smtp": ("url",),
        "shopify": ("webhook_secret",),
        "woocommerce": ("webhook_secret",),
        "bigcommerce": ("webhook_secret", "api_token", "store_hash"),
    }
)
"""What a store may have of its own at each mail service and shop platform. Of a service the first opens its account."""
SIGNED_WITH: Mapping[str, str] = MappingProxyType(
    {"shopify": "webhook_secret", "woocommerce": "webhook_secret", "bigcommerce": "webhook_secret"}
)
"""The shop platforms, with what proves their requests."""
PLAIN = frozenset({"base_url", "unsubscribe_group", "templates", "store_hash"})
"""What of it is no secret, but how the account is used."""
OF_REPORTS: Mapping[str, str] = MappingProxyType(
    {"sendgrid": "webhook_public_key", "klaviyo": "webhook_secret"}
)
"""Which of them proves what the service reports; it opens no account."""
_SHORTEST = 16  # of a shorter key, four characters would be too much to show


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keeps and reads stores' keys. `secret` is the installation's secret key.

    `any_host` lets a store name servers of the machine and network that this runs on: for development only. With
    `sandbox` nothing leaves SendGrid, whoever's account it is.
    """

    secret: str = field(repr=False)
    timeout_seconds: float = 20.0
    any_host: bool = False
    sandbox: bool = False

    def read(self, row: ProviderKeys) -> dict[str, str]:
        """A store's own keys at one mail service, by field. Misconfigured where another secret key sealed them."""
        opened = unseal(self.secret, _purpose(row.store_id, row.provider), row.sealed)
        keys: dict[str, str] = json.loads(opened)
        return keys

    def make(self, provider: str, keys: Mapping[str, str]) -> Provider:
        """The mail service, as these keys open it. Misconfigured, naming the field, for a value that cannot work."""
        group = keys.get("unsubscribe_group")
        return providers.make(
            provider,
            url=keys.get("url"),
            api_key=keys.get("api_key"),
            base_url=keys.get("base_url"),
            sandbox=self.sandbox,
            unsubscribe_group=int(group) if group else None,
            templates=template_of_kind(keys.get("templates", ""), "keys.sendgrid.templates"),
            timeout_seconds=self.timeout_seconds,
            setting=f"keys.{provider}.{FIELDS[provider][0]}",
            refuse=None if self.any_host else refusal,
        )

    def open(self, session: Session, account: str) -> Provider:
        """The account of this name. Misconfigured where its keys are gone, or can't be opened."""
        row = accounts.keys_to(session, account)
        if row is None:
            raise Misconfigured(f"no store has keys to the account {account} any more")
        return self.make(row.provider, self.read(row))

    def keep(
        self,
        session: Session,
        store_id: str,
        provider: str,
        changes: Mapping[str, str | None],
        now: datetime,
    ) -> None:
        """Change some of a store's keys, of which None takes one away. Invalid, naming the field, where one can't work.

        Those that can't be opened any more, because the secret key is another one, make room for the new.
        """
        row = session.get(ProviderKeys, (store_id, provider), populate_existing=True)
        merged = {**(self._readable(row) if row else {}), **changes}
        keys = {name: value for name in FIELDS[provider] if (value := merged.get(name))}
        self._check(provider, keys)
        before = row.account if row else None
        if not keys and row:
            session.delete(row)
        if keys:
            row = row or ProviderKeys(store_id=store_id, provider=provider, sealed="", changed_at=now)
            row.account = self._account(provider, keys)
            row.sealed = seal(self.secret, _purpose(store_id, provider), json.dumps(keys))
            row.shown = {name: _shown(name, value) for name, value in keys.items()}
            row.changed_at = now
            session.add(row)
        session.flush()
        if before:
            accounts.forget_if_unused(session, before)

    def _readable(self, row: ProviderKeys) -> dict[str, str]:
        try:
            return self.read(row)
        except Misconfigured:
            return {}

    def _check(self, provider: str, keys: Mapping[str, str]) -> None:
        if provider in SIGNED_WITH:
            return
        opener = FIELDS[provider][0]
        for name, check in (("webhook_public_key", sendgrid_key), ("templates", template_of_kind)):
            if name in keys:
                try:
                    check(keys[name], f"keys.{provider}.{name}")
                except Misconfigured as error:
                    raise _invalid(provider, name, error.detail) from None
        if opener in keys:
            try:
                self.make(provider, keys).close()
            except Misconfigured as error:
                raise _invalid(provider, opener, error.detail) from None
        elif useless := sorted(PLAIN & keys.keys()):
            raise _invalid(provider, useless[0], f"is of use only with an {opener} of the store's own")
        if self.any_host:
            return
        base, allowed = keys.get("base_url"), providers.HOSTS.get(provider, ())
        if base and base not in allowed:
            raise _invalid(provider, "base_url", f"must be one of {', '.join(allowed)}")
        if "url" in keys and _is_inside(urlsplit(keys["url"]).hostname or ""):
            raise _invalid(
                provider, "url", "must name a server on the internet, not on this machine or network"
            )

    def _account(self, provider: str, keys: Mapping[str, str]) -> str | None:
        """Named by a digest from which, without the secret key, no key can be guessed.

        How it is used is part of it, so that workers which have the account open take up a new choice.
        """
        if provider in SIGNED_WITH or FIELDS[provider][0] not in keys:
            return None
        opening = sorted(item for item in keys.items() if item[0] != OF_REPORTS.get(provider))
        said = f"account of {provider}: {json.dumps(opening)}".encode()
        return f"{provider}-{hmac.digest(self.secret.encode(), said, 'sha256').hex()[:16]}"


def _shown(name: str, value: str) -> str:
    """What may be seen of it: of a key its last four characters, of an address all but the login, a choice whole."""
    if name in PLAIN:
        return value
    if name == "url":
        parts = urlsplit(value)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return value[-4:] if len(value) >= _SHORTEST else ""


def _is_inside(host: str) -> bool:
    """Whether this is plainly an address of our own machine or network."""
    try:
        return refusal(ip_address(host)) is not None
    except ValueError:
        name = host.rstrip(".")
        return "." not in name or name.endswith(tuple(f".{inside}" for inside in PRIVATE_NAMES))


def _purpose(store_id: str, provider: str) -> str:
    return f"keys of store {store_id} at {provider}"


def _invalid(provider: str, name: str, detail: str) -> Invalid:
    return Invalid(f"keys.{provider}.{name}: {detail}", (Fault(f"/keys/{provider}/{name}", detail),))
