"""No more than a mail service allows, however many workers; and after trouble, one message goes first."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from notifier import intake
from notifier.bootstrap import build
from notifier.config import Settings
from notifier.db import accounts, claims
from notifier.db.account_tables import ProviderAccount
from notifier.db.engine import reading
from notifier.db.outbox import Claim
from notifier.db.tables import Store
from notifier.dispatch import dispatch
from notifier.domain.message import Kind
from notifier.domain.pace import Pace
from notifier.providers.base import Accepted, Deferred, Rejected, Unavailable, Unknown
from tests.house import LEASE, House, at_once, order
from tests.providers.fake import Answer

PACE = Pace(per_second=2, burst=10)


def paced(house: House, pace: Pace = PACE) -> None:
    house.post = replace(house.post, paces={house.provider.name: pace})


def many(house: House, count: int) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        intake.register_many(session, shop, [order(str(n)) for n in range(count)], house.clock.now)


def claim(house: House, limit: int = 50) -> list[Claim]:
    with house.writing() as session:
        return claims.claim(session, house.clock.now, limit, LEASE, "outbox", house.post.paces)


def account(house: House) -> ProviderAccount:
    with reading(house.engine) as session:
        return session.get_one(ProviderAccount, house.provider.name)


def pause(house: House) -> None:
    """Trouble, whose pause is just over."""
    with house.writing() as session:
        accounts.pause(session, "outbox", house.clock.now, "down", lambda _: house.clock.now)


# --- budgets -----------------------------------------------------------------------------------------------


def test_no_more_leaves_than_the_budget_allows(house: House) -> None:
    paced(house)
    many(house, 30)
    house.dispatch()
    assert len(house.provider.taken) == 10
    for sent in (12, 14):
        house.clock.pass_time(seconds=1)
        house.dispatch()
        assert len(house.provider.taken) == sent
    house.clock.pass_time(hours=1)
    house.dispatch()
    assert len(house.provider.taken) == 24


def test_workers_share_one_budget(house: House) -> None:
    paced(house)
    many(house, 60)
    found = at_once(*[lambda: claim(house, 5)] * 6)
    ids = [held.id for some in found if isinstance(some, list) for held in some]
    assert len(ids) == len(set(ids)) == PACE.burst


def test_what_the_budget_leaves_behind_is_claimed_by_nobody(house: House) -> None:
    paced(house)
    many(house, 30)
    claim(house)
    rows = [row for row in house.messages() if row.key == "expectation"]
    assert [row.attempts for row in rows].count(1) == PACE.burst
    assert [row.lease_token for row in rows].count(None) == 20


def test_a_small_budget_goes_to_the_urgent(house: House) -> None:
    shipped = house.register("shipped")
    house.dispatch()
    house.provider.taken.clear()
    many(house, 5)
    house.ship(shipped)
    paced(house, Pace(per_second=0.1, burst=1))
    house.dispatch()
    assert [mail.kind for mail in house.provider.taken] == [Kind.SHIPPED.value]


def test_what_does_not_leave_uses_up_no_budget(house: House) -> None:
    paced(house)
    many(house, 4)
    late = house.register("late")
    house.watch("claimed", lambda: house.cancel(late))
    dispatch(house.post)
    assert len(house.provider.taken) == 4
    assert account(house).tokens == PACE.burst - 4


def test_what_is_given_back_because_of_trouble_uses_up_no_budget(house: House) -> None:
    paced(house)
    many(house, 6)
    house.provider.script = [Unavailable("down")]
    house.dispatch()
    assert account(house).tokens == PACE.burst - 1


def test_an_account_without_a_budget_has_none(house: House) -> None:
    many(house, 30)
    assert len(claim(house)) == 30


def test_klaviyos_own_limits_hold_unless_another_is_set(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/never-opened.db"

    def paces(**set_to: float) -> Mapping[str, Pace]:
        return build(Settings(_env_file=None, database_url=url, **set_to)).post.paces  # type: ignore[arg-type]

    (klaviyo,) = paces().values()
    assert klaviyo.burst + klaviyo.per_second <= 350
    assert klaviyo.burst + klaviyo.per_second * 60 <= 3500
    assert paces(send_rate=0.5) == dict.fromkeys(["outbox", "smtp", "sendgrid", "klaviyo"], Pace(0.5, 1))
    assert paces(send_rate=20)["smtp"] == Pace(20, 20)


# --- the probe after trouble -------------------------------------------------------------------------------


def test_after_a_pause_one_message_goes_first_and_the_others_follow_when_it_is_taken(house: House) -> None:
    many(house, 8)
    pause(house)
    assert dispatch(house.post) == 1
    assert dispatch(house.post) == 7
    assert account(house).failures == 0


def test_each_failed_probe_costs_one_try_and_a_longer_pause(house: House) -> None:
    many(house, 8)
    house.provider.always = Unavailable("down")
    house.dispatch()
    for failures in (2, 3, 4):
        house.clock.now = account(house).paused_until or house.clock.now
        house.dispatch()
        assert account(house).failures == failures
        assert len(house.provider.tried) == failures


def test_only_one_worker_probes(house: House) -> None:
    many(house, 8)
    pause(house)
    found = at_once(*[lambda: claim(house)] * 4)
    assert sorted(len(some) for some in found if isinstance(some, list)) == [0, 0, 0, 1]


def test_a_probe_whose_worker_vanished_is_followed_by_another(house: House) -> None:
    many(house, 8)
    pause(house)
    assert len(claim(house)) == 1
    assert claim(house) == []
    house.clock.now += LEASE
    assert len(claim(house)) == 1


def test_a_probe_that_never_leaves_makes_room_for_the_next(house: House) -> None:
    gone, there = house.register("1"), house.register("2")
    pause(house)
    house.watch("claimed", lambda: house.cancel(gone))
    assert dispatch(house.post) == 1
    assert house.provider.tried == []
    house.dispatch()
    assert house.message(backorder_id=there).status == "sent"


@pytest.mark.parametrize(
    ("answer", "well"),
    [
        (Accepted(), True),
        (Rejected("no such mailbox"), True),
        (Deferred("mailbox busy", account_wide=False), True),
        (Deferred("too many"), False),
        (Unavailable("down"), False),
        (Unknown("no answer"), False),
    ],
    ids=["accepted", "rejected", "deferred", "throttled", "unavailable", "unknown"],
)
def test_whatever_a_probe_is_answered_says_whether_the_account_works(
    house: House, answer: Answer, well: bool
) -> None:
    house.register()
    pause(house)
    house.provider.script = [answer]
    house.dispatch()
    expected = accounts.State.CLOSED if well else accounts.State.PAUSED
    assert accounts.state(account(house), house.clock.now) is expected
    assert len(house.provider.tried) == 1


def test_a_person_ends_a_pause_and_all_go_at_once(house: House) -> None:
    many(house, 8)
    house.provider.script = [Unavailable("wrong key", needs_person=True)]
    house.dispatch()
    with house.writing() as session:
        accounts.resume(session, "outbox")
    assert dispatch(house.post) == 8
    assert len(house.provider.taken) == 8
