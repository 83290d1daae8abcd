"""Mail services, one file or folder each. `make` picks one by name and imports only that one."""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import MappingProxyType

from notifier.domain.pace import Pace
from notifier.errors import Misconfigured
from notifier.providers.base import Provider

NAMES = ("outbox", "smtp", "sendgrid", "klaviyo")

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "outbox": "NOTIFIER_OUTBOX_DIR",
        "smtp": "NOTIFIER_SMTP_URL",
        "sendgrid": "SENDGRID_API_KEY",
        "klaviyo": "KLAVIYO_API_KEY",
    }
)
"""The setting that opens the installation's account of each."""

HOSTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sendgrid": ("https://api.sendgrid.com", "https://api.eu.sendgrid.com")}
)
"""Where a service that has several places may be: a store's key is carried nowhere else."""

PACES: Mapping[str, Pace] = MappingProxyType({"klaviyo": Pace(per_second=55, burst=200)})
"""How fast each may be used, where it says so. Klaviyo's OpenAPI file allows Create Event 350 a second and 3,500 a
minute: a full bucket and a minute's refill are 3,500."""

BULK_PACES: Mapping[str, Pace] = MappingProxyType({"klaviyo": Pace(per_second=2.3, burst=10)})
"""How many requests with many messages each may be sent, where that is a budget of its own. Klaviyo's OpenAPI file
allows Bulk Create Events 10 a second and 150 a minute."""

TOGETHER = 1000
"""The most messages that any of them takes in one request."""


def make(
    name: str,
    *,
    folder: Path | None = None,
    url: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    bounces_to: str | None = None,
    sandbox: bool = False,
    unsubscribe_group: int | None = None,
    templates: Mapping[str, str] | None = None,
    timeout_seconds: float = 20.0,
    setting: str | None = None,
    refuse: Callable[[IPv4Address | IPv6Address], str | None] | None = None,
) -> Provider:
    """The mail service called `name`, made from what it needs; the rest is ignored.

    `outbox` needs `folder`, `smtp` needs `url` and takes `bounces_to` (its envelope's sender), `sendgrid` and
    `klaviyo` need `api_key` and take `base_url` (scheme and host, no path). `sandbox`, `unsubscribe_group` and
    `templates` say how SendGrid is used (its `Options`). `timeout_seconds` bounds one send. `setting` is what its key
    is called where that is no setting of the installation's; `refuse` says to which addresses `smtp` must not connect,
    and why. Raises `Misconfigured` for an unknown name or a value that cannot work.
    """
    # Imported on demand: a vendor's SDK costs up to 300 ms and 30 MiB, and a process uses one.
    match name:
        case "outbox":
            from notifier.providers.outbox import Outbox

            return Outbox(folder)
        case "smtp":
            from notifier.providers.smtp import Smtp

            return Smtp(
                url,
                bounces_to=bounces_to,
                timeout_seconds=timeout_seconds,
                setting=setting or SETTINGS[name],
                refuse=refuse,
            )
        case "sendgrid":
            from notifier.providers.sendgrid import Options, Sendgrid

            options = Options(sandbox, unsubscribe_group, templates or {})
            return Sendgrid(
                api_key,
                base_url,
                options=options,
                timeout_seconds=timeout_seconds,
                setting=setting or SETTINGS[name],
            )
        case "klaviyo":
            from notifier.providers.klaviyo import Klaviyo

            return Klaviyo(
                api_key, base_url, timeout_seconds=timeout_seconds, setting=setting or SETTINGS[name]
            )
    raise Misconfigured(f"NOTIFIER_PROVIDER is {name!r}; it must be one of {', '.join(NAMES)}.")
