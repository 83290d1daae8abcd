"""The evidence of one order in the console: a page to read and to print, and the file that it was made from."""

from typing import Any

from fastapi import APIRouter, Response

from notifier import evidence
from notifier.db.engine import reading
from notifier.domain.evidence import written
from notifier.errors import NotFound
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.session import SignedIn, Visit

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/console/backorders/{backorder_id}/evidence")
def evidence_page(backorder_id: str, visit: SignedIn) -> Page:
    made = _document(visit, backorder_id)
    kinds = {message["message_id"]: plain.kind(message["kind"]) for message in made["messages"]}
    skus = {line["line_id"]: line["sku"] for line in made["order"]["lines"]}
    values = {
        "made": made,
        "emails": [
            {**message, "name": kinds[message["message_id"]], "label": plain.message_state(message["status"])}
            for message in made["messages"]
            if message["handed_over"]
        ],
        "states": {clock["sku"]: plain.law_state(clock["state"]) for clock in made["clocks"]},
        "told": {record["id"]: _told(record, kinds, skus) for record in made["records"]},
    }
    return visit.page("evidence.html", values)


@router.get("/console/backorders/{backorder_id}/evidence.json")
def evidence_file(backorder_id: str, visit: SignedIn) -> Response:
    """The signed file, byte for byte as the API gives it."""
    made = _document(visit, backorder_id)
    name = evidence.filename(made["head"]["order_id"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(made), media_type="application/json", headers=headers)


def _document(visit: Visit, backorder_id: str) -> dict[str, Any]:
    if not backorder_id.isprintable():
        raise NotFound("There is no such backorder in this store.")
    secret = visit.services.settings.secret_key.get_secret_value()
    with reading(visit.services.engine) as session:
        return evidence.document(session, visit.store_id, backorder_id, secret, visit.now)


def _told(record: dict[str, Any], kinds: dict[str, str], skus: dict[str, str]) -> str:
    """What a record is about, in few words; lines are named by their SKUs."""
    data = dict(record["data"])
    if isinstance(data.get("units"), dict):
        data["units"] = {skus.get(line_id, line_id): count for line_id, count in data["units"].items()}
    if record["kind"] == "order.answered":
        data["lines"] = [skus.get(line_id, line_id) for line_id in data.get("lines", ())]
    if "message_id" in data:
        said = data.get("reason") or data.get("detail") or ""
        return f"{kinds.get(data['message_id'], 'an email')}: {plain.reason(said)}".removesuffix(": ")
    shown = {
        name: value
        for name, value in data.items()
        if value not in (None, "", []) and name not in {"redacted", "line", "form"}
    }
    return "; ".join(f"{name} {_plain(value)}" for name, value in shown.items())


def _plain(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
        case list():
            return " / ".join(_plain(item) for item in value)
        case _:
            return str(value)
