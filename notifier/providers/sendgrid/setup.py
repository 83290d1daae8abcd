"""Makes the dynamic templates through which many emails share a request: empty frames, whose content goes as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from notifier.errors import NotifierError
from notifier.providers.sendgrid import Sendgrid

PREFIX = "Notifier: "
"""What the names of our templates begin with."""
FRAME = {
    "name": "pass-through",
    "active": 1,
    "subject": "{{{subject}}}",
    "html_content": "{{{html}}}",
    "plain_content": "{{{text}}}",
    "generate_plain_content": False,
    "editor": "code",
}


@dataclass(frozen=True, slots=True)
class Step:
    """The template of one kind: `made` now, `there` already, or `missing` in a dry run."""

    kind: str
    state: str
    template: str = ""


def set_up(sendgrid: Sendgrid, kinds: Sequence[str], now: datetime, *, dry_run: bool) -> Iterator[Step]:
    """Each kind's template, as it is found or made. A dry run only looks.

    Raises NotifierError for what SendGrid refuses; what was made by then is found the next time.
    """
    known = {it["name"]: it for it in _templates(sendgrid, now)}
    templates = sendgrid.api.client.templates
    for kind in kinds:
        name = PREFIX + kind
        found = known.get(name)
        if found and found.get("versions"):
            yield Step(kind, "there", found["id"])
            continue
        if dry_run:
            yield Step(kind, "missing")
            continue
        # One without a version is of a run that was cut short.
        what = f"the template {name!r} could not be made"
        body = {"name": name, "generation": "dynamic"}
        template = found or sendgrid.ask(what, templates.post, now, request_body=body)
        version = templates._(template["id"]).versions
        sendgrid.ask(what, version.post, now, request_body=FRAME)
        yield Step(kind, "made", template["id"])


def _templates(sendgrid: Sendgrid, now: datetime) -> Iterator[dict[str, Any]]:
    asked: dict[str, Any] = {"generations": "dynamic", "page_size": 200}
    while True:
        call = sendgrid.api.client.templates.get
        what = "the templates could not be listed"
        page = sendgrid.ask(what, call, now, query_params=asked)
        if not isinstance(page.get("result"), list):  # or what is there would be made a second time
            raise NotifierError(f"{what}: the answer holds no list; is {sendgrid.api.host} SendGrid?")
        yield from page["result"]
        following = (page.get("_metadata") or {}).get("next")
        if not following:
            return
        asked["page_token"] = parse_qs(urlsplit(following).query)["page_token"][0]
