"""A second account carries while the first has lasting trouble, and never what the first may have already."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from notifier.db import accounts
from notifier.db.accounts import DOUBTS, PATIENCE, State
from notifier.db.claims import QUIET
from notifier.db.engine import reading
from notifier.db.sweep import sweep
from notifier.db.tables import MessageContent, MessageRow, Store
from notifier.dispatch import dispatch, resend_doubtful
from notifier.providers.base import Accepted, Deferred, Rejected, Unavailable, Unknown
from notifier.resolving import resolve
from tests.house import LEASE, House, at_once, make_post
from tests.providers.fake import Answer, Scripted

WRONG_KEY = Unavailable("the key is wrong", needs_person=True)
DOWN = Unavailable("down")


class Two(House):
    """A store whose mail goes through `outbox`, and through `smtp` while that has trouble."""

    second: Scripted

    def __post_init__(self) -> None:
        super().__post_init__()
        self.second = Scripted("smtp")
        self.post = make_post(self.engine, self.clock, self.provider, self.second)
        self.set_store(second_provider="smtp")

    def set_store(self, **values: object) -> None:
        with self.writing() as session:
            session.get_one(Store, self.store_id).sqlmodel_update(values)

    def resend(self) -> None:
        with self.writing() as session:
            resolve(session, self.store_id, self.message().id, "resend", self.clock.now)

    def pause(self, account: str = "outbox", **duration: float) -> None:
        until = self.clock.now + timedelta(**(duration or {"hours": 1}))
        with self.writing() as session:
            accounts.pause(session, account, self.clock.now, "the key is wrong", lambda _: until)

    def standing(self, account: str = "outbox") -> State:
        with reading(self.engine) as session:
            return accounts.state(accounts.find(session, account), self.clock.now)


@pytest.fixture
def two(house: House) -> Two:
    return Two(house.engine)


def kinds(provider: Scripted) -> list[str]:
    return [mail.kind for mail in provider.taken]


# --- when it carries -----------------------------------------------------------------------------------------


def test_while_the_first_is_well_the_second_carries_nothing(two: Two) -> None:
    two.register()
    two.dispatch()
    assert (len(two.provider.taken), two.second.tried) == (1, [])


@pytest.mark.parametrize(
    "trouble",
    [WRONG_KEY, Deferred("over the month's limit", until=None), DOWN],
    ids=["wrong key", "throttled", "down"],
)
def test_the_second_carries_what_the_first_does_not_once_the_trouble_lasts(two: Two, trouble: Answer) -> None:
    two.provider.always = trouble
    two.register()
    for _ in range(40):
        two.turn()
        two.clock.pass_time(seconds=30)
    assert kinds(two.second) == ["expectation"]
    assert set(two.second.counts().values()) == {1}
    assert (two.message().status, two.message().provider) == ("sent", "smtp")


def test_an_account_that_no_longer_answers_is_left_for_the_second_after_a_few_doubts(two: Two) -> None:
    two.provider.always = Unknown("no answer")
    for number in range(40):
        two.register(str(number))
        two.dispatch()
        two.clock.pass_time(minutes=1)
    two.turn()
    rows = [row for row in two.messages() if row.key == "expectation"]
    doubtful = {row.id for row in rows if row.status == "unknown"}
    probes = len(doubtful) - DOUBTS
    assert 0 < probes <= 10
    assert two.second.counts().keys() == {row.id for row in rows} - doubtful


def test_an_answer_between_doubts_shows_that_the_account_works(two: Two) -> None:
    for number in range(DOUBTS * 2):
        two.provider.script = [Unknown("no answer"), Accepted()]
        two.register(f"lost{number}")
        two.register(f"taken{number}")
        two.dispatch()
    assert two.standing() is State.CLOSED
    assert len(two.provider.taken) == DOUBTS * 2
    assert two.second.tried == []


def test_a_short_trouble_is_waited_out(two: Two) -> None:
    two.provider.script = [DOWN, DOWN]
    two.register()
    for _ in range(8):
        two.turn()
        two.clock.pass_time(seconds=10)
    assert two.clock.now - two.message().due_at < PATIENCE
    assert (len(two.provider.taken), two.second.tried) == (1, [])


def test_a_message_alone_that_is_deferred_waits_for_its_own_account(two: Two) -> None:
    two.provider.always = Deferred("mailbox busy", account_wide=False)
    two.register()
    for _ in range(6):
        two.turn()
        two.clock.pass_time(minutes=5)
    assert two.second.tried == []


def test_the_history_says_which_carried_it_and_why(two: Two) -> None:
    two.provider.script = [WRONG_KEY]
    two.register()
    two.dispatch()
    reasons = [reason for _, _, reason in two.history(two.message())]
    assert reasons[-4:] == [
        "handed to outbox",
        "outbox unavailable: the key is wrong",
        "handed to smtp instead of outbox (the key is wrong)",
        "accepted by smtp",
    ]


def test_what_goes_through_the_second_is_the_same_email(two: Two) -> None:
    two.provider.script = [WRONG_KEY]
    two.register()
    two.dispatch()
    (tried,), (taken,) = two.provider.tried, two.second.taken
    assert taken == tried
    with reading(two.engine) as session:
        assert session.get(MessageContent, two.message().id) is not None


def test_parcels_and_legal_notices_go_first(two: Two) -> None:
    shipped, moved = two.register("1"), two.register("2")
    two.dispatch()
    two.clock.pass_time(hours=1)
    for number in range(3, 9):
        two.register(str(number))
    two.ship(shipped)
    two.move(moved, None, reason="nobody knows")
    two.clock.pass_time(minutes=20)
    two.pause()
    two.turn()
    assert sorted(kinds(two.second)[:2]) == ["delay", "shipped"]
    assert len(two.second.taken) == 8


def test_when_both_have_trouble_everything_waits_and_nothing_is_lost(two: Two) -> None:
    two.provider.script, two.second.script = [WRONG_KEY], [WRONG_KEY]
    two.register()
    two.dispatch()
    assert (two.message().status, two.message().attempts) == ("planned", 0)
    assert two.dispatch() == 0
    two.clock.pass_time(minutes=6)
    two.dispatch()
    assert two.message().status == "sent"
    assert len(two.provider.taken) + len(two.second.taken) == 1


def test_another_store_of_the_account_without_a_second_waits(two: Two) -> None:
    other = House(two.engine, two.clock, two.provider, store_id="store_2")
    two.pause()
    theirs = other.register("theirs")
    ours = two.register("ours")
    two.dispatch()
    assert two.message(backorder_id=ours).status == "sent"
    assert two.message(backorder_id=theirs).status == "planned"
    assert two.provider.tried == []


def test_two_stores_that_are_each_others_second_share_what_works(two: Two) -> None:
    other = Two(two.engine, two.clock, two.provider, store_id="store_2")
    other.set_store(provider="smtp", second_provider="outbox")
    two.pause()
    for number in range(5):
        two.register(f"a{number}")
        other.register(f"b{number}")
    two.dispatch()
    assert two.provider.tried == []
    assert len(two.second.taken) == 10
    assert set(two.second.counts().values()) == {1}


def test_many_workers_carry_each_message_once_over_either_account(two: Two) -> None:
    for number in range(40):
        two.register(str(number))
    two.pause(minutes=6)
    two.clock.pass_time(minutes=7)
    at_once(*[two.dispatch] * 4)
    counts = two.provider.counts() + two.second.counts()
    assert len(counts) == 40
    assert set(counts.values()) == {1}


# --- back to the first ---------------------------------------------------------------------------------------


def test_the_first_is_tried_with_the_least_urgent_and_carries_again_once_that_is_taken(two: Two) -> None:
    shipped = two.register("1")
    two.dispatch()
    two.provider.taken.clear()
    two.pause(minutes=10)
    two.clock.pass_time(minutes=11)
    two.ship(shipped)
    two.register("2")
    assert dispatch(two.post) == 2
    assert (kinds(two.provider), kinds(two.second)) == (["expectation"], ["shipped"])
    assert two.standing() is State.CLOSED
    two.register("3")
    two.dispatch()
    assert (len(two.provider.taken), len(two.second.taken)) == (2, 1)


def test_a_probe_that_fails_goes_through_the_second(two: Two) -> None:
    two.pause(minutes=10)
    two.clock.pass_time(minutes=11)
    two.provider.always = DOWN
    two.register()
    two.dispatch()
    assert len(two.provider.tried) == 1
    assert kinds(two.second) == ["expectation"]
    assert two.standing() is State.PAUSED


# --- never what may be with the first ------------------------------------------------------------------------


def swept(two: Two) -> None:
    two.clock.now += LEASE
    with two.writing() as session:
        sweep(session, two.clock.now)


def unanswered(two: Two) -> None:
    two.provider.script = [Unknown("no answer")]
    two.register()
    two.dispatch()


def crashed(two: Two) -> None:
    """Its worker died while it was being sent."""

    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    two.watch("accepted", die)
    two.register()
    with pytest.raises(Died):
        two.dispatch()
    two.post = make_post(two.engine, two.clock, two.provider, two.second)
    swept(two)


@pytest.mark.parametrize("doubt", [unanswered, crashed])
@pytest.mark.parametrize("policy", ["hold", "resend"])
@pytest.mark.parametrize("removes_duplicates", [False, True])
def test_a_message_in_doubt_is_never_handed_to_the_second(
    two: Two, doubt: Callable[[Two], None], policy: str, removes_duplicates: bool
) -> None:
    two.set_store(policy={"unknown_sends": policy})
    doubt(two)
    two.provider.removes_duplicates = removes_duplicates
    assert two.message().status == "unknown"
    two.pause(hours=1)
    two.provider.always = DOWN
    for _ in range(12):
        two.turn()
        two.clock.now += QUIET
    assert (two.message().status, two.message().in_doubt) == ("unknown", "outbox")
    two.resend()
    for _ in range(12):
        two.turn()
        two.clock.now += QUIET
    assert two.message().status == "planned"
    assert two.second.tried == []
    two.provider.always = None
    two.clock.pass_time(hours=2)
    two.turn()
    assert (two.message().status, two.message().provider) == ("sent", "outbox")
    assert two.second.tried == []


def test_it_stays_with_the_first_when_others_are_due_that_the_second_may_carry(two: Two) -> None:
    unanswered(two)
    doubtful = two.message().id
    two.resend()
    two.pause(minutes=10)
    for number in range(6):
        two.register(f"other{number}")
    two.turn()
    assert len(two.second.taken) == 6
    two.clock.pass_time(minutes=11)
    two.register("last")
    two.turn()
    assert doubtful not in two.second.counts()
    assert two.provider.counts()[doubtful] == 1


def test_one_that_was_refused_after_a_doubt_stays_with_the_first_too(two: Two) -> None:
    unanswered(two)
    two.provider.removes_duplicates = True
    two.provider.script = [Rejected("no such mailbox")]
    two.clock.pass_time(hours=1)
    resend_doubtful(two.post)
    assert two.message().status == "failed"
    two.resend()
    two.pause()
    two.turn()
    assert (two.message().status, two.second.tried) == ("planned", [])


def test_one_that_was_certainly_refused_may_go_through_the_second(two: Two) -> None:
    two.provider.script = [Rejected("the sender is not verified")]
    two.register()
    two.dispatch()
    two.resend()
    two.pause()
    two.turn()
    assert (two.message().status, two.message().provider) == ("sent", "smtp")


def test_a_doubt_about_the_second_stays_with_the_second(two: Two) -> None:
    two.pause()
    two.second.removes_duplicates = True
    two.second.script = [Unknown("no answer")]
    two.register()
    two.dispatch()
    two.clock.pass_time(hours=2)
    two.turn()
    assert (two.message().status, two.message().provider) == ("sent", "smtp")
    assert two.provider.tried == []


def test_no_row_was_ever_in_doubt_with_one_and_tried_through_another(two: Two) -> None:
    """The guarantee, read from the database after a stormy day of both accounts."""
    storm: list[Answer] = [DOWN, Unknown("no answer"), WRONG_KEY, Deferred("slow down")]
    two.provider.script, two.second.script = storm * 3, storm[::-1] * 3
    for number in range(20):
        two.register(str(number))
    doubted: dict[str, str] = {}
    for _ in range(60):
        two.turn()
        two.clock.pass_time(minutes=7)
        for row in two.messages():
            if row.status == "unknown":
                doubted.setdefault(row.id, str(row.provider))
    rows: list[MessageRow] = [row for row in two.messages() if row.in_doubt]
    assert rows
    assert all(row.in_doubt == row.provider == doubted[row.id] for row in rows)
    assert set((two.provider.counts() + two.second.counts()).values()) == {1}
