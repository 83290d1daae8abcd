"""Alive, ready, and the figures behind it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from notifier.api.deps import services_of
from notifier.api.problems import declared
from notifier.bootstrap import Services
from notifier.db import migrate
from notifier.errors import Unavailable
from notifier.metrics import CONTENT_TYPE

ServicesDep = Annotated[Services, Depends(services_of)]


class Health(BaseModel):
    status: str


router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health")
def get_health() -> Health:
    """The process is alive."""
    return Health(status="ok")


@router.get("/readyz", operation_id="get_readiness", responses=declared(503))
def get_readiness(services: ServicesDep) -> Health:
    """The database answers and is up to date, and the scheduler, where this process runs one, keeps its time."""
    if not migrate.is_current(services.engine):
        raise Unavailable("the database is not up to date; run `notifier migrate`")
    if late := services.pulse.late(services.clock()):
        raise Unavailable(f"the scheduler is late with {', '.join(late)}")
    return Health(status="ready")


@router.get("/metrics", operation_id="get_metrics", response_class=PlainTextResponse)
def get_metrics(services: ServicesDep) -> Response:
    """Figures for Prometheus, of all stores together."""
    return Response(services.metrics.text(), media_type=CONTENT_TYPE)
