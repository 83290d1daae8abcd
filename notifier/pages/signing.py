"""Small values that come back to us through somebody's browser, signed so that only we can have written them."""

from datetime import datetime
from typing import Any

from fastapi import Request
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import SecretStr

from notifier.pages.html import Refused


def sign(secret: SecretStr, purpose: str, value: Any, until: datetime | None = None) -> str:
    """`value` (plain JSON) as a token for that purpose alone, good until then, or for good."""
    return str(_signer(secret, purpose).dumps([value, until.timestamp() if until else None]))


def read(secret: SecretStr, purpose: str, token: str, now: datetime) -> Any:
    """What was signed; None when the token is not ours, is for another purpose, or has run out."""
    try:
        value, until = _signer(secret, purpose).loads(token)
    except BadSignature:
        return None
    return None if until is not None and until <= now.timestamp() else value


def form_token(secret: SecretStr, holder: str, action: str) -> str:
    """For a hidden field: this holder (a session, an order's link) was shown the form for this action."""
    return sign(secret, "form", [holder, action])


def check_form(
    secret: SecretStr, request: Request, token: str, holder: str, action: str, now: datetime
) -> None:
    """Raises Refused unless the form is ours, for this holder and action, and no other site sent it."""
    if not same_site(request) or read(secret, "form", token, now) != [holder, action]:
        raise Refused(
            "The form did not come from this page, or the page has changed. Go back, reload, and try again."
        )


def same_site(request: Request) -> bool:
    """False when a browser says that another site sent this; a client that says nothing is no browser.

    Our pages send no referrer, for which browsers write the origin as `null`.
    """
    origin = request.headers.get("origin", "null")
    if origin != "null" and origin.partition("://")[2] != request.headers.get("host"):
        return False
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def _signer(secret: SecretStr, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret.get_secret_value(), salt=f"notifier.pages.{purpose}")
