"""A store with very much to send delays nobody else; and what is urgent and old goes first."""

from collections import Counter
from datetime import timedelta

from notifier import intake
from notifier.db import accounts, claims
from notifier.db.claims import TURNS
from notifier.db.outbox import Claim
from notifier.db.tables import Store
from notifier.domain.message import Kind
from tests.db.test_schema import crowd, plans
from tests.house import LEASE, House, order


def store(house: House, number: int, orders: int) -> House:
    """A store of its own, with orders registered just now."""
    other = House(house.engine, house.clock, house.provider, store_id=f"store_{number}")
    with other.writing() as session:
        shop = session.get_one(Store, other.store_id)
        intake.register_many(session, shop, [order(str(n)) for n in range(orders)], house.clock.now)
    return other


def claim(house: House, limit: int = 50) -> list[Claim]:
    with house.writing() as session:
        return claims.claim(session, house.clock.now, limit, LEASE, "outbox", {})


def by_store(held: list[Claim]) -> Counter[str]:
    return Counter(one.store_id for one in held)


def test_a_store_with_much_to_send_leaves_others_their_share_of_every_batch(house: House) -> None:
    store(house, 1, 200)
    house.clock.pass_time(minutes=5)
    store(house, 2, 3)
    store(house, 3, 30)
    house.clock.pass_time(minutes=5)
    assert by_store(claim(house)) == {"store_1": 16, "store_2": 3, "store_3": 16}
    assert by_store(claim(house)) == {"store_1": 25, "store_3": 14}
    assert by_store(claim(house)) == {"store_1": 50}


def test_one_store_alone_gets_whole_batches(house: House) -> None:
    store(house, 1, 120)
    assert [len(claim(house)) for _ in range(4)] == [50, 50, 20, 0]


def test_very_many_stores_take_turns(house: House) -> None:
    for number in range(1, TURNS + 6):
        store(house, number, 6)
    seen: Counter[str] = Counter()
    while held := claim(house):
        assert max(by_store(held).values()) <= 6
        assert len(by_store(held)) <= TURNS
        seen += by_store(held)
    assert seen == {f"store_{number}": 6 for number in range(1, TURNS + 6)}


def test_each_stores_urgent_messages_go_first(house: House) -> None:
    shops = [store(house, 1, 0), store(house, 2, 0)]
    gone = [shop.register("gone") for shop in shops]
    house.dispatch()
    store(house, 1, 60)
    store(house, 2, 60)
    for shop, backorder_id in zip(shops, gone, strict=True):
        shop.ship(backorder_id)
    assert [held.kind for held in claim(house)] == [Kind.SHIPPED, Kind.SHIPPED]
    assert by_store(claim(house)) == {"store_1": 25, "store_2": 25}


def test_a_backlog_is_searched_store_by_store_and_never_the_future(house: House) -> None:
    crowd(house)
    for number in range(1, 4):
        store(house, number, 60)
    for plan in plans(house, lambda: claim(house))[1:]:
        assert "message_turn" in plan
        assert "Seq Scan on message" not in plan
        assert "SCAN message" not in plan


def test_of_what_is_due_at_the_same_time_the_oldest_order_goes_first(house: House) -> None:
    shop = store(house, 1, 80)
    orders = sorted({row.backorder_id for row in shop.messages()})
    assert [held.backorder_id for held in claim(house)] == orders[:50]
    assert [held.backorder_id for held in claim(house)] == orders[50:]


def test_a_paused_accounts_backlog_holds_up_no_other_account(house: House) -> None:
    store(house, 1, 120)
    store(house, 2, 2)
    with house.writing() as session:
        session.get_one(Store, "store_2").provider = "smtp"
        until = house.clock.now + timedelta(hours=1)
        accounts.pause(session, "outbox", house.clock.now, "down", lambda _: until)
    assert by_store(claim(house)) == {"store_2": 2}
    assert claim(house) == []
