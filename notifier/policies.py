"""A store's sending policy: read, weighed against the orders that wait, changed, and kept in every version."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from notifier import validation
from notifier.db import facts
from notifier.db import policies as rows
from notifier.db.codec import policy_from_json
from notifier.db.facts import Order
from notifier.db.policy_tables import PolicyVersion, Replanning
from notifier.db.tables import Store
from notifier.domain.effect import How, Shift, effect, reasons
from notifier.domain.message import Kind
from notifier.domain.plan import LAPSE
from notifier.domain.policy import Policy
from notifier.errors import Conflict, Fault, Held, NotFound
from notifier.planning import CHUNK
from notifier.policy_input import PolicyInput, SkuPolicyInput

EXACT_UP_TO = 2000
"""Of how many open orders each is looked at to tell what a policy would do; of more, each n-th by age."""

EXAMPLES = 10
"""How many examples are told of each thing that becomes of emails."""


@dataclass(frozen=True, slots=True)
class Example:
    """One email that would change: of which order, and which fields of the policy bring it about."""

    backorder_id: str
    order_id: str
    timezone: str
    shift: Shift
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What another policy would make of the emails that are planned. Where `exact` is False, every count is estimated.

    `sends` are the emails that it adds, without those that go only if nothing ships by a legal deadline.
    """

    orders: int
    looked_at: int
    before: Mapping[Kind, int]
    after: Mapping[Kind, int]
    shifts: Mapping[How, int]
    sends: int
    examples: Mapping[How, Sequence[Example]]

    @property
    def exact(self) -> bool:
        return self.looked_at == self.orders

    @property
    def summary(self) -> str:
        """In one sentence, or two where it is an estimate."""
        was, now = sum(self.before.values()), sum(self.after.values())
        said = f"Under this policy these {was:,} planned emails become {now:,}."
        if self.exact:
            return said
        return (
            f"{said} This is an estimate: of {self.orders:,} open orders {self.looked_at:,} were looked at,"
            " evenly from the oldest to the newest."
        )


def current(store: Store) -> PolicyInput:
    """The store's policy, in full."""
    return PolicyInput.kept(policy_from_json(store.policy))


def checked(document: Mapping[str, Any]) -> PolicyInput:
    """A policy that was put together here. Raises Invalid, naming the field."""
    return validation.checked(PolicyInput, document)


def with_sku(store: Store, sku: str, own: SkuPolicyInput | None) -> PolicyInput:
    """The store's policy with this one for the SKU, None for none. Raises NotFound where it has none to take away."""
    skus = dict(store.policy.get("skus", {}))
    if own is not None:
        skus[sku] = own.model_dump(mode="json")
    elif skus.pop(sku, None) is None:
        raise NotFound(f"SKU {sku!r} has no policy of its own")
    return checked(store.policy | {"skus": skus})


# --- what it would do ------------------------------------------------------------------------------------


def preview(session: Session, store: Store, wanted: Policy, now: datetime) -> Outlook:
    """What `change` would do, without doing it. Looks at up to `EXACT_UP_TO` orders, a chunk at a time."""
    old = policy_from_json(store.policy)
    orders = rows.count_open(session, store.id)
    ids = rows.spread(session, store.id, max(1, -(-orders // EXACT_UP_TO)))
    tally = _Tally(old, wanted, now)
    for start in range(0, len(ids), CHUNK):
        for order in facts.load(session, ids[start : start + CHUNK]).values():
            tally.add(order)
    return tally.outlook(max(orders, len(ids)), len(ids))


class _Tally:
    """Counts what becomes of emails, order by order, and keeps some examples."""

    def __init__(self, old: Policy, new: Policy, now: datetime) -> None:
        self._old, self._new, self._now = old, new, now
        self._before: Counter[Kind] = Counter()
        self._after: Counter[Kind] = Counter()
        self._shifts: Counter[How] = Counter()
        self._sends = 0
        self._examples: defaultdict[How, list[Example]] = defaultdict(list)

    def add(self, order: Order) -> None:
        found = effect(order.facts, self._old, self._new, self._now)
        self._before.update(found.before)
        self._after.update(found.after)
        for shift in found.shifts:
            self._shifts[shift.how] += 1
            self._sends += shift.how is How.ADDED and not shift.key.startswith(LAPSE)
        # One of each kind from one order, so that ten examples are of ten orders where there are so many.
        for shift in {shift.how: shift for shift in reversed(found.shifts)}.values():
            if len(self._examples[shift.how]) < EXAMPLES:
                why = reasons(order.facts, self._old, self._new, shift, self._now)
                row = order.row
                self._examples[shift.how].append(Example(row.id, row.order_id, row.timezone, shift, why))

    def outlook(self, orders: int, looked_at: int) -> Outlook:
        def scaled(count: int) -> int:
            return round(count * orders / looked_at) if looked_at else 0

        return Outlook(
            orders,
            looked_at,
            {kind: scaled(self._before[kind]) for kind in Kind if self._before[kind]},
            {kind: scaled(self._after[kind]) for kind in Kind if self._after[kind]},
            {how: scaled(self._shifts[how]) for how in How},
            scaled(self._sends),
            self._examples,
        )


def hold_if_too_many(outlook: Outlook, most: int) -> None:
    """Raises Held where the change would send more than `max_messages_per_change`."""
    if outlook.sends > most:
        raise Held(
            f"this policy would send {outlook.sends:,} messages that are not planned now, more than"
            f" max_messages_per_change ({most:,}); nothing was changed: look at the effect, then repeat it with"
            " confirm: true",
            outlook,
        )


# --- changing it -----------------------------------------------------------------------------------------


def change(
    session: Session, store_id: str, wanted: PolicyInput, by: str, now: datetime, made_from: int | None = None
) -> Store:
    """Set the policy, keep it as the next version, and have every open order planned again with it.

    The same policy as before changes nothing. `by` says in words who set it. Raises Conflict when the version that this
    was `made_from` is not the store's any more. The caller's transaction holds the lock of no order.
    """
    store = rows.hold(session, store_id)
    if made_from is not None and made_from != store.policy_version:
        raise Conflict(
            f"the policy is in version {store.policy_version} now, and this was made from version {made_from}:"
            " somebody changed it since; read it again and put your change to it",
            (Fault("/version", f"must be {store.policy_version}"),),
        )
    if policy_from_json(store.policy) != wanted.policy:
        store.policy = wanted.document
        store.policy_version += 1
        session.add(store)
        session.add(
            PolicyVersion(store_id=store_id, version=store.policy_version, policy=store.policy, at=now, by=by)
        )
        rows.plan_all_again(session, store_id, now, store.policy_version)
        session.flush()
    return store


# --- versions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of the policy; in what it differs from the one before; and how far the orders have followed it."""

    row: PolicyVersion
    policy: PolicyInput
    changed: tuple[str, ...]
    following: Replanning | None


def kept(session: Session, store_id: str, *, before: int | None = None, limit: int) -> list[Kept]:
    """The versions of a store's policy, the newest first, from just before `before`."""
    found = rows.versions(session, store_id, before=before, limit=limit + 1)
    following = rows.replannings(session, store_id, {row.version for row in found})
    policies = [PolicyInput.kept(policy_from_json(row.policy)) for row in found]
    return [
        Kept(
            row,
            policies[place],
            _changed(policies[place + 1], policies[place]) if place + 1 < len(found) else (),
            following.get(row.version),
        )
        for place, row in enumerate(found[:limit])
    ]


def find(session: Session, store_id: str, number: int) -> Kept:
    """One version of a store's policy. Raises NotFound."""
    for it in kept(session, store_id, before=number + 1, limit=1):
        if it.row.version == number:
            return it
    raise NotFound(f"the policy of this store never was in version {number}")


def _changed(old: PolicyInput, new: PolicyInput) -> tuple[str, ...]:
    return tuple(name for name in PolicyInput.model_fields if getattr(old, name) != getattr(new, name))
