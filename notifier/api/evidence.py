"""The evidence of one order, and the public key that it is checked with."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from notifier import evidence
from notifier.api.deps import CallDep, Id, services_of
from notifier.api.problems import declared
from notifier.api.shapes import Shape
from notifier.bootstrap import Services
from notifier.domain.evidence import written
from notifier.signed import Signer

router = APIRouter(prefix="/v1/backorders", tags=["evidence"])
keys = APIRouter(tags=["evidence"])

Part = dict[str, Any]


class Evidence(Shape):
    """The evidence of one order; docs/evidence.md tells of each part, and how anybody checks it."""

    format: Literal["notifier-evidence/1"]
    order: Part = Field(description="The order as it stands")
    records: list[Part] = Field(
        description="All that happened, chained: each has the hash of the one before it"
    )
    messages: list[Part] = Field(description="Each email: what it said, when it left, what became of it")
    answers: list[Part] = Field(description="What the customer chose, by what means, and what had been asked")
    clocks: list[Part] = Field(description="Where each line stands in law, and how it came to stand there")
    bodies: list[Part] = Field(description="The exact bytes of each email that is still kept, by its SHA-256")
    notes: list[str] = Field(description="How to read times, days and words")
    head: Part = Field(
        description="What it is about, the digest of each part, and the signature of all of it"
    )


def saved_as(order_id: str) -> dict[str, str]:
    """The headers of a file to be kept as it is."""
    name = evidence.filename(order_id)
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


@router.get(
    "/{backorder_id}/evidence",
    operation_id="get_evidence",
    response_model=Evidence,
    responses=declared(404),
)
def get_evidence(backorder_id: Id, call: CallDep) -> Response:
    """One file for a card issuer or a regulator: what was promised, told, answered and owed, chained and signed.

    Keep the bytes as they come: `notifier evidence verify FILE` compares every one of them.
    """
    secret_key = call.services.settings.secret_key.get_secret_value()
    with call.reading() as work:
        document = evidence.document(work.session, work.store.id, backorder_id, secret_key, work.now)
    headers = saved_as(document["head"]["order_id"])
    return Response(written(document), media_type="application/json", headers=headers)


@keys.get(
    "/evidence-key",
    operation_id="get_evidence_key",
    response_class=Response,
    responses={200: {"content": {"application/x-pem-file": {"schema": {"type": "string"}}}}},
)
def get_evidence_key(services: Annotated[Services, Depends(services_of)]) -> Response:
    """The public key (Ed25519, PEM) that this installation's evidence is checked with; it is no secret."""
    signer = Signer(services.settings.secret_key.get_secret_value())
    return Response(signer.pem, media_type="application/x-pem-file")
