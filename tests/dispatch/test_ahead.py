"""What is made one ahead."""

import threading
from collections.abc import Iterator

import pytest

from notifier.ahead import LEAD_SECONDS, Stride, one_ahead


def test_everything_comes_once_and_in_its_order() -> None:
    assert list(one_ahead(iter(range(1, 50)))) == list(range(1, 50))
    assert list(one_ahead(iter([]))) == []


def test_the_next_is_made_while_the_last_is_worked_off_and_no_more_than_that() -> None:
    made: list[int] = []
    second = threading.Event()

    def making() -> Iterator[int]:
        for number in (1, 2, 3):
            made.append(number)
            if number == 2:
                second.set()
            yield number

    coming = one_ahead(making())
    assert next(coming) == 1
    assert second.wait(10), "the second must be made while the first is in hand"
    assert made == [1, 2]
    assert list(coming) == [2, 3]


def test_what_goes_wrong_in_making_reaches_whoever_asked() -> None:
    def making() -> Iterator[int]:
        yield 1
        raise ValueError("spoilt")

    coming = one_ahead(making())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="spoilt"):
        next(coming)


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    coming = one_ahead(iter(range(1, 10)))
    assert next(coming) == 1
    coming.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("each_second", "settles_at"),
    [(2000, 100), (300, 64), (100, 16), (10, 4), (1, 4)],
)
def test_what_is_taken_at_a_time_lasts_a_moment_however_fast_it_goes(
    each_second: int, settles_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr("notifier.ahead.perf_counter", lambda: seconds)
    stride, sizes = Stride(), []
    for _ in range(2):  # what was learnt holds for the next ones
        done: list[int] = []
        for few in stride.over(range(400), least=4):
            sizes.append(len(few))
            done += few
            seconds += len(few) / each_second
        assert done == list(range(400))
    assert 4 <= sizes[0] <= max(sizes) <= 100
    assert sizes[-2] == settles_at
    assert settles_at in {4, 100} or LEAD_SECONDS / 2 <= settles_at / each_second <= LEAD_SECONDS


def test_a_few_left_over_teach_nothing_of_speed() -> None:
    stride = Stride(size=8)
    assert list(stride.over(range(3), least=4)) == [range(3)]
    assert stride.size == 8
