"""Where goods are: one new fact in the weekly word, or none, and never the same one twice."""

from datetime import date, datetime, timedelta

import pytest

from notifier.domain.eta import Eta
from notifier.domain.inbound import Stage
from notifier.domain.message import Kind, Message, Said, Status
from notifier.domain.whereabouts import Whereabouts, of_line, with_progress, without_progress
from tests.domain.builders import PLACED, a_line, an_order

DATE = Eta(date(2027, 3, 1))
EARLY, LATE = PLACED + timedelta(days=5), PLACED + timedelta(days=9)


def at(stage: Stage, since: datetime = LATE) -> Whereabouts:
    return Whereabouts(stage, since)


@pytest.mark.parametrize(
    ("needed", "shares", "found"),
    [
        (3, [], None),
        (3, [(3, at(Stage.CUSTOMS))], Stage.CUSTOMS),
        (3, [(2, at(Stage.CUSTOMS))], None),
        (3, [(2, at(Stage.CUSTOMS)), (1, at(Stage.IN_PRODUCTION))], Stage.IN_PRODUCTION),
        (3, [(1, at(Stage.ORDERED)), (2, at(Stage.IN_TRANSIT))], Stage.ORDERED),
        (1, [(3, at(Stage.IN_TRANSIT))], Stage.IN_TRANSIT),
        (0, [(0, at(Stage.IN_TRANSIT))], None),
    ],
)
def test_a_line_is_where_the_goods_are_that_have_farthest_to_go(
    needed: int, shares: list[tuple[int, Whereabouts]], found: Stage | None
) -> None:
    where = of_line(needed, shares)
    assert (where.stage if where else None) == found


def sent(
    days: int, kind: Kind = Kind.WAITING, stage: Stage | None = None, status: Status = Status.SENT
) -> Message:
    left = PLACED + timedelta(days=days)
    says = {"l1": Said(DATE, stage=stage)}
    return Message(
        f"m{days}", f"{kind}:{days}", kind, status, left, left + timedelta(days=3), says, sent_at=left
    )


@pytest.mark.parametrize(
    ("messages", "where", "told"),
    [
        pytest.param([], at(Stage.CUSTOMS), Stage.CUSTOMS, id="since it was registered"),
        pytest.param([], at(Stage.CUSTOMS, PLACED - timedelta(days=9)), None, id="before it was registered"),
        pytest.param([], None, None, id="nobody knows where they are"),
        pytest.param([sent(7)], at(Stage.CUSTOMS, LATE), Stage.CUSTOMS, id="since the last email"),
        pytest.param([sent(7)], at(Stage.CUSTOMS, EARLY), None, id="before the last email"),
        pytest.param([sent(7, Kind.DELAY)], at(Stage.CUSTOMS, EARLY), None, id="before word of another kind"),
        pytest.param(
            [sent(7, status=Status.CANCELLED)],
            at(Stage.CUSTOMS, EARLY),
            Stage.CUSTOMS,
            id="an email that never left",
        ),
        pytest.param(
            [sent(2, stage=Stage.CUSTOMS), sent(7)],
            at(Stage.CUSTOMS, LATE),
            None,
            id="told before, and back again",
        ),
        pytest.param(
            [sent(2, stage=Stage.IN_TRANSIT)],
            at(Stage.CUSTOMS, LATE),
            Stage.CUSTOMS,
            id="another one was told",
        ),
    ],
)
def test_a_stage_is_told_if_it_is_new_and_only_once(
    messages: list[Message], where: Whereabouts | None, told: Stage | None
) -> None:
    order = an_order(a_line(DATE, line_id="l1"), messages=tuple(messages))
    says = with_progress(order, {"l1": Said(DATE)}, {"l1": where} if where else {})
    assert says["l1"].stage is told
    assert without_progress(says) == {"l1": Said(DATE)}


def test_of_two_stages_only_the_nearest_is_told() -> None:
    order = an_order(a_line(DATE, line_id="l1"), a_line(DATE, line_id="l2"), a_line(DATE, line_id="l3"))
    says = {"l1": Said(DATE), "l2": Said(DATE), "l3": Said(DATE)}
    known = {"l1": at(Stage.IN_PRODUCTION), "l2": at(Stage.CUSTOMS), "l3": at(Stage.CUSTOMS)}
    told = with_progress(order, says, known)
    assert [told[id_].stage for id_ in ("l1", "l2", "l3")] == [None, Stage.CUSTOMS, Stage.CUSTOMS]


def test_nothing_is_said_of_lines_that_the_email_does_not_speak_of() -> None:
    order = an_order(a_line(DATE, line_id="l1"), a_line(DATE, line_id="l2"))
    assert with_progress(order, {"l1": Said(DATE)}, {"l2": at(Stage.CUSTOMS)}) == {"l1": Said(DATE)}
