"""Simulate: a story from the shelf, pasted, or built by clicking, played in memory by the store's own rules.

Each play is kept as it was played and never changes; another event makes another play, so the browser's way back is
the undo. Nothing here touches the store's orders or sends anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from notifier.db import simulations
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.errors import NotFound
from notifier.pages import story_forms, story_view
from notifier.pages.html import EMAIL_CSP, Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.pages.settings import Entered
from notifier.simulate import ScenarioError, parse_scenario
from notifier.simulate.library import stories
from notifier.simulate.outcome import Outcome
from notifier.simulate.story import MAX_BYTES

PATH = "/console/simulate"
ACTION = "simulate"
RECENT = 8
UNTITLED = "A story without a title"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


async def _pasted(request: Request) -> dict[str, str]:
    """A form whose fields may be as large as a story, which is more than forms usually may have."""
    form = await request.form(max_part_size=MAX_BYTES)
    return {name: value for name, value in form.items() if isinstance(value, str)}


Pasted = Annotated[dict[str, str], Depends(_pasted)]
Token = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: in which form, or with which event of the story, and how that one is written."""

    detail: str
    form: str = ""
    event: int | None = None
    written: str = ""


@router.get(PATH)
def start_page(visit: SignedIn, story: str = "") -> Page:
    """Every way to begin; with `story`, one from the shelf to be played."""
    if story and story not in stories():
        raise NotFound("There is no such story.")
    return _start(visit, story, stories()[story].text if story else "")


@router.post(f"{PATH}/play")
def play(visit: SignedIn, pasted: Pasted) -> Response:
    """Play a story that is written as JSON. With `own`, this store's rules stand in for its own."""
    visit.check(pasted.get("token", ""), ACTION)
    story, name, own = (pasted.get(field, "") for field in ("story", "name", "own"))
    told: Any = None
    try:
        told = parse_scenario(story)
        if own and isinstance(told, dict):
            told = {key: value for key, value in told.items() if key not in {"store", "policy"}}
        return _played(visit, told)
    except ScenarioError as error:
        problem = Problem(error.detail, "story", error.event, _written(told, error.event))
        return _start(visit, name if name in stories() else "", story, own=bool(own), problem=problem)


@router.post(f"{PATH}/begin")
def begin(visit: SignedIn, token: Token, entered: Entered) -> Response:
    """The first event of a story that is built by clicking: somebody orders."""
    visit.check(token, ACTION)
    with reading(visit.services.engine) as session:
        zone = session.get_one(Store, visit.store_id).timezone
    try:
        event = story_forms.event_of("register", entered, zone)
        return _played(visit, {"title": "A story built by clicking", "events": [event]})
    except ScenarioError as error:
        return _start(visit, "", "", entered=entered, problem=Problem(_in_form(error), "register"))


@router.get(f"{PATH}/plays/{{play_id}}")
def play_page(visit: SignedIn, play_id: str) -> Page:
    return _show(visit, play_id)


@router.get(f"{PATH}/plays/{{play_id}}/story.json")
def play_story(visit: SignedIn, play_id: str) -> Response:
    """The story as a file, for `notifier simulate` or another day."""
    told, _ = _find(visit, play_id)
    return Response(
        json.dumps(told, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="story.json"'},
    )


@router.get(f"{PATH}/plays/{{play_id}}/emails/{{number}}")
def play_email(visit: SignedIn, play_id: str, number: int) -> Response:
    """One email's own HTML, for its frame: it can run nothing, and send nothing anywhere."""
    emails = story_view.emails(_find(visit, play_id)[1])
    if not 1 <= number <= len(emails):
        raise NotFound("There is no such email in this story.")
    return HTMLResponse(emails[number - 1].html or "", headers={"Content-Security-Policy": EMAIL_CSP})


@router.post(f"{PATH}/plays/{{play_id}}/events")
def add_event(
    visit: SignedIn, play_id: str, token: Token, do: Annotated[str, Form(max_length=40)], entered: Entered
) -> Response:
    """The same story with one more event, played again."""
    visit.check(token, ACTION)
    told, _ = _find(visit, play_id)
    number = None
    try:
        event = story_forms.event_of(do, entered, _zone(visit, told))
        events, number = story_forms.put(told["events"], event)
        return _played(visit, _until(told, events))
    except ScenarioError as error:
        mine = error.event in {None, number}
        detail = (
            _in_form(error)
            if mine
            else f"After this, event {error.event} can’t have happened: {_in_form(error)}"
        )
        return _show(visit, play_id, entered=entered, problem=Problem(detail, do))


@router.post(f"{PATH}/plays/{{play_id}}/events/{{number}}/remove")
def remove_event(visit: SignedIn, play_id: str, number: int, token: Token) -> Response:
    """The same story without one of its events, played again."""
    visit.check(token, ACTION)
    told, _ = _find(visit, play_id)
    events = [event for place, event in enumerate(told["events"], start=1) if place != number]
    if not events:
        return RedirectResponse(PATH, 303)
    try:
        return _played(visit, told | {"events": events})
    except ScenarioError as error:
        wrong = f"Without event {number} the story can’t be told: {error.detail}"
        return _show(visit, play_id, problem=Problem(wrong, "events", error.event))


def _played(visit: Visit, told: Any) -> Response:
    """Play it, keep it, and lead to it. Raises ScenarioError."""
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
    outcome = visit.services.plays.play(store, told)
    title = told.get("title") or UNTITLED
    with transaction(visit.services.engine) as session:
        play_id = simulations.keep(
            session, visit.store_id, title, json.dumps(told), outcome.model_dump_json(), visit.now
        )
    return RedirectResponse(f"{PATH}/plays/{play_id}", 303)


def _find(visit: Visit, play_id: str) -> tuple[dict[str, Any], Outcome]:
    with reading(visit.services.engine) as session:
        found = simulations.find(session, visit.store_id, play_id) if play_id.isprintable() else None
    if found is None:
        raise NotFound("There is no such story in this store; only the last ones are kept.")
    return json.loads(found[0]), Outcome.model_validate_json(found[1])


def _until(told: dict[str, Any], events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A story built on past its own end has none of its own any more."""
    whole = told | {"events": list(events)}
    if "until" in whole and story_forms.later(events[-1]["at"], whole["until"]):
        del whole["until"]
    return whole


def _zone(visit: Visit, told: Mapping[str, Any]) -> str:
    with reading(visit.services.engine) as session:
        own = session.get_one(Store, visit.store_id).timezone
    return str(told["store"].get("timezone", "UTC")) if "store" in told else own


def _in_form(error: ScenarioError) -> str:
    """What is wrong: with the fields that were entered, each by its name, or with what they say."""
    detail = error.detail.removeprefix(f"event {error.event}: ")
    if not detail.startswith("/"):
        return detail
    named = (
        f"{fault.pointer.strip('/').replace('/', ' ')}: {fault.detail}".strip(": ") for fault in error.faults
    )
    return "; ".join(named)


def _written(told: Any, event: int | None) -> str:
    if event is None:
        return ""
    return json.dumps(told["events"][event - 1], ensure_ascii=False, indent=1)[:2000]


def _start(
    visit: Visit,
    name: str,
    text: str,
    *,
    own: bool = True,
    entered: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    with reading(visit.services.engine) as session:
        zone = session.get_one(Store, visit.store_id).timezone
        recent = simulations.last(session, visit.store_id, RECENT)
    shelf = groupby(stories().values(), key=lambda story: story.chapter)
    values = {
        "shelf": [(chapter, list(group)) for chapter, group in shelf],
        "chosen": stories().get(name),
        "text": text,
        "own": own,
        "recent": recent,
        "form": story_forms.forms(story_forms.Known(zone, visit.now))[0],
        "entered": entered or {},
        "problem": problem,
        "action": ACTION,
    }
    return visit.page("simulate.html", values, 422 if problem else 200)


def _show(
    visit: Visit,
    play_id: str,
    *,
    entered: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Page:
    told, outcome = _find(visit, play_id)
    zone = _zone(visit, told)
    kinds = list(dict.fromkeys(email.kind for email in story_view.emails(outcome)))
    known = story_forms.known_of(told["events"], kinds, zone, visit.now)
    values = {
        "play_id": play_id,
        "title": told.get("title") or UNTITLED,
        "why": told.get("why"),
        "own_policy": "policy" in told,
        "zone": zone,
        "happened": [(story_forms.moment(event["at"]), story_view.said(event)) for event in told["events"]],
        "people": story_view.people(outcome),
        "weekdays": story_view.WEEKDAYS,
        "forms": story_forms.forms(known),
        "entered": entered or {},
        "problem": problem,
        "action": ACTION,
    }
    return visit.page("simulation.html", values, 422 if problem else 200)
