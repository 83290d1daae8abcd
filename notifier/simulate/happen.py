"""Makes the events of a story happen, by the same functions that the API calls."""

from datetime import datetime

from sqlmodel import Session

from notifier import answering, intake, policies, restocking, settling, skus
from notifier.db import played
from notifier.db.concerns import registered
from notifier.db.tables import Store
from notifier.domain.message import Kind, Scope, Status
from notifier.errors import Conflict, Invalid, NotFound
from notifier.feedback import report
from notifier.inputs import BackorderChange, EtaChange, SkuEta
from notifier.simulate import goods
from notifier.simulate.goods import Expect, MoveInbound
from notifier.simulate.story import (
    Bounce,
    CancelOrder,
    ChangeCustomer,
    Complain,
    MoveEta,
    MoveSkuEta,
    Numbered,
    OfOrder,
    RefundOrder,
    Register,
    Restock,
    Say,
    SetPolicy,
    Ship,
    Unsubscribe,
)
from notifier.suppressing import set_waiting_series


def _unerased(_store_id: str, address: str) -> str:
    """In a story nobody is erased, so an address has no name but its own."""
    return address


def happen(session: Session, store_id: str, item: Numbered, now: datetime) -> None:
    """Make it happen to this store. Raises NotifierError when it can't have happened."""
    event = item.event
    if isinstance(event, OfOrder):
        _to_order(session, store_id, event, _find(session, store_id, event), item.number, now)
        return
    store_row = session.get_one(Store, store_id)
    match event:
        case Register():
            if not intake.register(session, store_row, event.backorder, now).created:
                raise Invalid(f"order {event.backorder.order_id!r} is registered already")
        case MoveSkuEta():
            wanted = SkuEta(eta=event.eta, eta_earliest=event.eta_earliest, reason=event.reason, confirm=True)
            skus.change_eta(session, store_row, event.sku, wanted, now)
        case Restock():
            restock = restocking.foretell_restock if event.dry_run else restocking.restock
            restock(session, store_row, event, now)
        case Expect():
            goods.expect(session, store_row, event, now)
        case MoveInbound():
            goods.move(session, store_row, event, now)
        case SetPolicy():
            policies.change(session, store_row.id, event.policy, "the story", now)


def _to_order(
    session: Session, store_id: str, event: OfOrder, backorder_id: str, number: int, now: datetime
) -> None:
    match event:
        case MoveEta():
            change = EtaChange(
                sku=event.sku, eta=event.eta, eta_earliest=event.eta_earliest, reason=event.reason
            )
            intake.change(session, store_id, backorder_id, BackorderChange(lines=[change]), now)
        case ChangeCustomer():
            intake.change(session, store_id, backorder_id, BackorderChange(customer=event.customer), now)
        case Ship():
            intake.ship(session, store_id, backorder_id, event, now)
        case Say():
            answering.answer(session, store_id, backorder_id, event, now)
            _refuse_unasked(session, event, backorder_id)
        case CancelOrder():
            intake.cancel(session, store_id, backorder_id, event, now)
        case RefundOrder():
            settling.refund(session, store_id, backorder_id, event, now)
        case Unsubscribe():
            set_waiting_series(session, store_id, backorder_id, False, _unerased, now)
        case Bounce():
            message_id = _last_sent(session, event, event.kind, backorder_id, "bounce")
            report(session, "simulation", f"event {number}", message_id, Status.BOUNCED, now, now)
        case Complain():
            message_id = _last_sent(session, event, event.kind, backorder_id, "be called spam")
            report(
                session, "simulation", f"event {number}", message_id, Status.COMPLAINED, now, now,
                suppresses=Scope.ALL,
            )  # fmt: skip


def _find(session: Session, store_id: str, event: OfOrder) -> str:
    known = registered(session, store_id, [event.order_id])
    if event.order_id not in known:
        raise NotFound(f"no order {event.order_id!r} is registered by then")
    return known[event.order_id][0]


def _refuse_unasked(session: Session, event: Say, backorder_id: str) -> None:
    """A customer answers an email that asks: word of a delay. Without one they may still cancel."""
    asked = played.asked_about(session, backorder_id)
    if not asked:
        raise Conflict(
            f"nothing was asked: no delay or consent email of order {event.order_id!r} had been sent by then;"
            ' a customer who cancels unasked is {"do": "cancel", "by": "customer"}'
        )
    if unasked := sorted(set(event.skus or ()) - asked):
        raise Conflict(
            f"nothing was asked of {', '.join(map(repr, unasked))}, only of {', '.join(sorted(asked))}"
        )
    if event.further and not played.asked_further(session, backorder_id):
        raise Conflict(
            f"nobody asked the customer of order {event.order_id!r} to agree to any further delay; a notice does"
            ' where the policy says {"ask_further": true}, and where it names a date'
        )


def _last_sent(session: Session, event: OfOrder, kind: Kind, backorder_id: str, what: str) -> str:
    message = played.last_sent(session, backorder_id, kind)
    if message is None:
        raise Invalid(f"no {kind.value} email of order {event.order_id!r} had been sent that could {what}")
    return message.id
