"""How a countdown's two subjects have done, and what may be said of them: no more than that."""

from typing import Annotated

from fastapi import APIRouter, Query

from notifier import trying
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.domain.trying import MIN_ORDERS
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.session import SignedIn

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/console/templates/{kind}/trial")
def trial_page(
    visit: SignedIn, kind: Kind, version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> Page:
    """Of the live version, or of an older one that tried two."""
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        found = trying.trial(session, visit.services.post.templates, store, kind, version, visit.now)
    values = {
        "kind": kind.value,
        "name": plain.kind(kind),
        "it": found,
        "outcomes": trying.OUTCOMES,
        "said": {outcome: trying.told(outcome, finding) for outcome, finding in found.findings.items()},
        "fewest": MIN_ORDERS,
    }
    return visit.page("subject_trial.html", values)
