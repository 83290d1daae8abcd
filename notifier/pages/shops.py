"""The shop platforms that tell of orders: how to connect one, whether it is, and what became of what it told."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from notifier.db import accounts, shops
from notifier.db.account_tables import ProviderKeys
from notifier.db.engine import reading, transaction
from notifier.errors import Invalid, NotFound
from notifier.keyring import PLAIN, SIGNED_WITH
from notifier.pages import privacy
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn, Visit
from notifier.pages.settings import Entered
from notifier.receiving import OUTCOMES, REFUSED
from notifier.shopkeeping import StoreChange, change, document
from notifier.shops import LABELS, bigcommerce, shopify, woocommerce
from notifier.validation import checked

PATH = "/console/shops"
PAGE = 50
STATES = {
    "registered": Label("Registered", "good"),
    "changed": Label("Taken up", "good"),
    "unchanged": Label("Known already"),
    "not_ours": Label("Not a backorder"),
    "held": Label("Kept for its order", "wait"),
    "waiting": Label("Being fetched", "wait"),
    "asked": Label("A privacy request", "wait"),
    REFUSED: Label("Refused", "bad"),
}
TOPICS: Mapping[str, tuple[str, ...]] = {
    "shopify": (*shopify.TOPICS, *shopify.COMPLIANCE_TOPICS),
    "woocommerce": woocommerce.TOPICS,
    "bigcommerce": bigcommerce.TOPICS,
}
"""What each platform should be asked to tell of."""
FIELDS: Mapping[str, Mapping[str, str]] = {
    "shopify": {
        "webhook_secret": "What Shopify signs with: the app’s API secret key, or the key below its webhooks"
    },
    "woocommerce": {"webhook_secret": "The secret that was entered with the webhooks in WooCommerce"},
    "bigcommerce": {
        "webhook_secret": "The hooks’ X-Notifier-Secret, or the client secret of the app that made them",
        "api_token": "API token that may read orders",
        "store_hash": "Store hash, as in stores/abc123xyz",
    },
}
"""What a store enters for each, and what that is."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Words = Annotated[str, Query(max_length=500)]


@router.get(PATH)
def shops_page(visit: SignedIn, before: Words = "", outcome: Words = "", done: Words = "") -> Page:
    return _page(visit, before=before, outcome=outcome, done=done)


@router.post(PATH + "/{platform}")
def connect(platform: str, visit: SignedIn, token: Annotated[str, Form()], entered: Entered) -> Response:
    """Set what a platform's webhooks are taken up with, or take it away; a field left empty stays as it is."""
    if platform not in SIGNED_WITH:
        raise NotFound("There is no such platform.")
    visit.check(token, f"connect {platform}")
    wanted: list[tuple[str, str | None]] = [
        (f"keys.{platform}.{name}", entered[name]) for name in FIELDS[platform] if entered.get(name)
    ]
    if entered.get("drop"):
        wanted = [(f"keys.{platform}", None)]
    services = visit.services
    try:
        wish = checked(StoreChange, document(wanted))
        with transaction(services.engine) as session:
            change(session, visit.store_id, wish, services.post, services.keyring, visit.now)
    except Invalid as error:
        return _page(visit, problem=(platform, error.detail))
    return RedirectResponse(f"{PATH}?done={platform}#{platform}", 303)


def _page(
    visit: Visit, *, before: str = "", outcome: str = "", done: str = "", problem: tuple[str, str] = ("", "")
) -> Page:
    # PostgreSQL refuses NUL in text; no id has any such character.
    place = before if before.isprintable() else "-"
    which = outcome if outcome in OUTCOMES else None
    with reading(visit.services.engine) as session:
        own = accounts.keys_of(session, visit.store_id)
        last = {
            platform: next(iter(shops.find(session, visit.store_id, platform=platform, limit=1)), None)
            for platform in SIGNED_WITH
        }
        found = shops.find(session, visit.store_id, outcome=which, after=place or None, limit=PAGE + 1)
        of_orders = shops.backorders_of(
            session, visit.store_id, {(row.platform, row.ref or "") for row in found}
        )
        asked = privacy.listed(session, visit.store_id)
    address = visit.services.settings.public_url
    values = {
        "platforms": [
            {
                "code": platform,
                "name": LABELS[platform],
                "address": f"{address}/webhooks/{platform}/{visit.store_id}",
                "topics": TOPICS[platform],
                "fields": FIELDS[platform],
                "shown": _shown(own.get(platform)),
                "last": last[platform],
                "label": _state(own.get(platform), told=last[platform] is not None),
            }
            for platform in SIGNED_WITH
        ],
        "rows": [
            (row, STATES[row.outcome], of_orders.get((row.platform, row.ref or ""))) for row in found[:PAGE]
        ],
        "asked": asked,
        "names": LABELS,
        "plain": PLAIN,
        "outcomes": {code: STATES[code].text for code in OUTCOMES},
        "outcome": which or "",
        "done": done,
        "problem": problem,
        "older": _older(found[PAGE - 1].id, which) if len(found) > PAGE else "",
    }
    return visit.page("shops.html", values, 422 if problem[1] else 200)


def _shown(row: ProviderKeys | None) -> Mapping[str, str]:
    return row.shown if row else {}


def _state(row: ProviderKeys | None, *, told: bool) -> Label:
    if row is None:
        return Label("Not connected")
    return Label("Connected", "good") if told else Label("Nothing has come yet", "wait")


def _older(place: str, outcome: str | None) -> str:
    return f"?before={place}" + (f"&outcome={outcome}" if outcome else "")
