"""The store's product pages: whether they say when goods ship, the line to paste into them, and how that looks."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from notifier.db import overview
from notifier.db import widget as db
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.errors import NotFound
from notifier.pages.html import CSP, Page, PageRoute
from notifier.pages.session import Here, SignedIn
from notifier.shopkeeping import StoreChange, change

PATH = "/console/widget"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(PATH)
def widget_page(visit: SignedIn, done: Annotated[str, Query(max_length=20)] = "") -> Page:
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        first = overview.waiting_skus(session, visit.store_id, 1)
        sku = first[0].sku if first else "ORN-RED"
        values = {
            "chosen": store.widget,
            "key": store.widget_key,
            "sku": sku,
            "script": f"{visit.services.settings.public_url}/widget.js",
            "example": f"/widget/example/{store.widget_key}/{quote(sku, safe='')}",
            "done": done,
        }
    return visit.page("widget.html", values)


@router.post(PATH)
def choose(
    visit: SignedIn,
    token: Annotated[str, Form()],
    widget: Annotated[Literal["off", "stated", "honest"], Form()],
) -> Response:
    visit.check(token, "widget")
    services = visit.services
    with transaction(services.engine) as session:
        wanted = StoreChange(widget=widget)
        change(session, visit.store_id, wanted, services.post, services.keyring, visit.now)
    return RedirectResponse(f"{PATH}?done={widget}", 303)


@router.get("/widget/example/{key}/{sku:path}")
def example(
    key: Annotated[str, Path(max_length=100)], sku: Annotated[str, Path(max_length=200)], services: Here
) -> Page:
    """A product page as a shop has it, with the script in it; as public as what it shows."""
    with reading(services.engine) as session:
        store = db.store_of(session, key) if key.isprintable() else None
        found = overview.waiting_skus(session, store.id, 1, sku) if store and sku.isprintable() else []
    if store is None:
        raise NotFound("No store shows its dates by this key.")
    page = Page(
        "product.html", {"shop": store.name, "sku": sku, "key": key, "name": found[0].name if found else sku}
    )
    rules = CSP | {"script-src": "'self'", "connect-src": "'self'"}
    page.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in rules.items())
    return page
