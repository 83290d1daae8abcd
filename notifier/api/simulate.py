"""Stories played in memory: what would each customer get, when, and why? Nothing is kept or sent."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from notifier.api.deps import CallDep
from notifier.api.problems import declared
from notifier.errors import Fault
from notifier.simulate import ScenarioError
from notifier.simulate.outcome import Outcome

STORY: dict[str, Any] = {
    "events": [
        {
            "at": "2026-12-01T10:00:00-05:00",
            "do": "register",
            "backorder": {
                "order_id": "1042",
                "customer": {"email": "jane@example.com", "country": "US"},
                "lines": [
                    {"sku": "ORN-RED", "name": "Red glass ornament", "quantity": 3, "eta": "2027-01-12"}
                ],
            },
        },
        {
            "at": "2026-12-20T09:00:00-05:00",
            "do": "sku_eta",
            "sku": "ORN-RED",
            "eta": "2027-01-20",
            "reason": "held at customs",
        },
    ],
    "until": "2027-03-01T00:00:00Z",
}

router = APIRouter(prefix="/v1", tags=["simulate"])


@router.post(
    "/simulate",
    operation_id="simulate",
    response_model=Outcome,
    response_model_exclude_none=True,
    responses=declared(400, 429),
)
def simulate(
    story: Annotated[dict[str, Any], Body(examples=[STORY])],
    call: CallDep,
    words: Annotated[bool, Query(description="Whether each email comes with its html and text")] = False,
) -> Outcome:
    """Play a story through the engine, on a clock of its own and a database in memory.

    What it leaves out of `store` and `policy` is this store's; its templates and look are always this store's. A story
    has 2,000 events at most, lasts ten years, sends 500 emails, and takes 20 seconds to play, each at most. One
    that can't be read, or can't have happened, is 422 with the event's number. One at a time: 429 meanwhile.
    """
    with call.reading() as work:
        store = work.store
    try:
        outcome = call.services.plays.play(store, story)
    except ScenarioError as error:
        raise _pointed(error) from None
    return outcome if words else _short(outcome)


def _pointed(error: ScenarioError) -> ScenarioError:
    """The same, its pointers leading into the story rather than into the event."""
    if error.event is None:
        return error
    place = f"/events/{error.event - 1}"
    detail = error.detail.removeprefix(f"event {error.event}: ")
    faults = error.faults or (Fault("", detail),)
    return ScenarioError(
        detail, tuple(Fault(place + fault.pointer, fault.detail) for fault in faults), error.event
    )


def _short(outcome: Outcome) -> Outcome:
    for customer in outcome.customers:
        for told in customer.told:
            told.html = told.text = None
    return outcome
