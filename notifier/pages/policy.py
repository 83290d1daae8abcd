"""When emails go: the policy with every field in words, what another would do, and every version that the store had."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from notifier import policies
from notifier.db.engine import reading, transaction
from notifier.db.policy_tables import PolicyVersion, Replanning
from notifier.db.tables import Store
from notifier.domain.effect import How
from notifier.domain.message import Kind
from notifier.errors import Conflict, Invalid
from notifier.pages import plain, policy_words
from notifier.pages.html import Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.policies import Kept, Outlook
from notifier.policy_input import MOST_SKUS, PolicyInput

PATH = "/console/policy"
SHOWN = 20
MOST_FIELDS = 5 * MOST_SKUS
HOWS = {
    How.ADDED: "More emails",
    How.CANCELLED: "Emails that no longer go",
    How.MOVED: "Emails that go at another time",
    How.REWORDED: "Emails that speak of other lines",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)


async def _entered(request: Request) -> dict[str, str]:
    form = await request.form(max_fields=MOST_FIELDS)
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


Entered = Annotated[dict[str, str], Depends(_entered)]


@dataclass(frozen=True, slots=True)
class Row:
    """A version in the history: what it changed, as (title, before, after), and how far the orders follow it."""

    row: PolicyVersion
    changed: list[tuple[str, str, str]]
    following: Replanning | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A policy that is looked at before it is set; `document` is what the second yes sends back."""

    policy: PolicyInput
    document: str
    version: int
    changed: list[tuple[str, str, str]]
    outlook: Outlook


@router.get(PATH)
def policy_page(
    visit: SignedIn, version: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0, *, done: bool = False
) -> Page:
    """The policy as it is. With `version` also what going back to that one would do; asking does nothing."""
    if not version:
        return _page(visit, done=done)
    with reading(visit.services.engine) as session:
        old = policies.find(session, visit.store_id, version).policy
    return _ask(visit, old.model_dump(mode="json"), policy_words.shown(old))


@router.post(f"{PATH}/preview")
def preview(visit: SignedIn, entered: Entered, token: Annotated[str, Form()]) -> Page:
    """What the policy that was entered would do; nothing is changed."""
    visit.check(token, "policy preview")
    try:
        return _ask(visit, policy_words.document(entered), entered)
    except Invalid as error:
        return _page(visit, entered=entered, problems=error, status=422)


@router.post(PATH)
def set_policy(
    visit: SignedIn,
    token: Annotated[str, Form()],
    document: Annotated[str, Form(max_length=500_000)],
    version: Annotated[int, Form()],
) -> Response:
    """The second yes, to the very policy that was shown."""
    visit.check(token, _action(document, version))
    wanted = policies.checked(json.loads(document))
    try:
        with transaction(visit.services.engine) as session:
            policies.change(session, visit.store_id, wanted, "console", visit.now, version)
    except Conflict:
        note = "Somebody changed the policy meanwhile. This is how it is now; what you entered is kept in the form."
        return _page(visit, entered=policy_words.shown(wanted), note=note, status=409)
    return RedirectResponse(f"{PATH}?done=true", 303)


def _action(document: str, version: int) -> str:
    return f"policy {version} {document}"


def _ask(visit: Visit, document: Mapping[str, Any], entered: Mapping[str, str]) -> Page:
    """Raises Invalid."""
    wanted = policies.checked(document)
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        now = policies.current(store)
        outlook = policies.preview(session, store, wanted.policy, visit.now)
    text = json.dumps(wanted.model_dump(mode="json"), ensure_ascii=False)
    wish = Wish(wanted, text, store.policy_version, policy_words.differences(now, wanted), outlook)
    return _page(visit, entered=entered, wish=wish)


def _page(
    visit: Visit,
    *,
    entered: Mapping[str, str] | None = None,
    wish: Wish | None = None,
    problems: Invalid | None = None,
    note: str = "",
    done: bool = False,
    status: int = 200,
) -> Page:
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        kept = policies.kept(session, visit.store_id, limit=SHOWN + 1)
    shown = dict(entered) if entered is not None else policy_words.shown(policies.current(store))
    wrong: dict[str, list[str]] = {}
    for field, words in policy_words.problems(problems.faults) if problems else ():
        wrong.setdefault(field, []).append(words)
    values = {
        "entries": policy_words.ENTRIES,
        "values": shown,
        "rows": policy_words.rows(shown),
        "by_sku": {name: policy_words.title(name) for name in policy_words.BY_SKU},
        "problems": wrong,
        "note": note,
        "done": done,
        "version": store.policy_version,
        "following": kept[0].following if kept else None,
        "history": _history(kept)[:SHOWN],
        "wish": wish,
        "action": _action(wish.document, wish.version) if wish else "",
        "kinds": list(_kinds(wish.outlook)) if wish else [],
        "hows": HOWS,
        "kind_of": plain.kind,
        "title": policy_words.title,
    }
    return visit.page("policy.html", values, status)


def _kinds(outlook: Outlook) -> list[tuple[str, int, int]]:
    return [
        (plain.kind(kind), outlook.before.get(kind, 0), outlook.after.get(kind, 0))
        for kind in Kind
        if kind in outlook.before or kind in outlook.after
    ]


def _history(kept: list[Kept]) -> list[Row]:
    before = [*kept[1:], None]
    return [
        Row(it.row, policy_words.differences(old.policy, it.policy) if old else [], it.following)
        for it, old in zip(kept, before, strict=True)
    ]
