"""Who asks at once is gathered into groups, and groups take turns: without a database, each wait in the test's hand."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.api.gather import Gathered, Turns, Waits


class Slow:
    """Takes its time until it is let go, and doubles numbers; an odd one is an error."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int], _waits: Waits) -> list[int | Exception]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.go.wait(10)
        return [ValueError(number) if number % 2 else number * 2 for number in numbers]


def test_what_is_asked_for_meanwhile_is_done_together_and_answered_each_by_itself() -> None:
    slow = Slow()

    async def ask() -> list[int | BaseException]:
        gathered = Gathered(slow)
        first = asyncio.create_task(gathered(2))
        assert await asyncio.to_thread(slow.begun.wait, 10)
        others = [asyncio.create_task(gathered(number)) for number in (4, 5, 6, 8)]
        await asyncio.sleep(0)
        others[3].cancel()
        slow.go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert await gathered(10) == 20
        return answers

    two, four, five, six, gone = asyncio.run(ask())
    assert (two, four, six) == (4, 8, 12)
    assert isinstance(five, ValueError)
    assert isinstance(gone, asyncio.CancelledError)
    assert slow.groups == [[2], [4, 5, 6, 8], [10]]


def test_what_breaks_all_is_everybodys_error_and_the_next_is_served_again() -> None:
    broken = [True]

    def do(numbers: Sequence[int], _waits: Waits) -> list[int]:
        if broken[0]:
            raise RuntimeError("no database")
        return list(numbers)

    async def ask() -> list[int | BaseException]:
        gathered = Gathered(do)
        answers = await asyncio.gather(gathered(1), gathered(2), return_exceptions=True)
        broken[0] = False
        return [*answers, await gathered(3)]

    one, two, three = asyncio.run(ask())
    assert isinstance(one, RuntimeError)
    assert isinstance(two, RuntimeError)
    assert three == 3


def test_more_than_fit_into_one_transaction_are_written_by_several() -> None:
    sizes = []

    def do(numbers: Sequence[int], _waits: Waits) -> list[int]:
        sizes.append(len(numbers))
        return list(numbers)

    async def ask() -> list[int]:
        gathered = Gathered(do)
        return await asyncio.gather(*(gathered(number) for number in range(250)))

    assert asyncio.run(ask()) == list(range(250))
    assert max(sizes) == 100


class Staged:
    """Prepares each group, and then waits for it, until it is let go."""

    def __init__(self, groups: int) -> None:
        self.groups: list[list[int]] = []
        self.began = [threading.Event() for _ in range(groups)]
        self.prepared = [threading.Event() for _ in range(groups)]
        self.written = [threading.Event() for _ in range(groups)]

    def __call__(self, numbers: Sequence[int], waits: Waits) -> list[int]:
        mine = len(self.groups)
        self.groups.append(list(numbers))
        self.began[mine].set()
        assert self.prepared[mine].wait(10)
        waits()
        assert self.written[mine].wait(10)
        return list(numbers)

    async def begins(self, group: int) -> list[int]:
        assert await asyncio.to_thread(self.began[group].wait, 10)
        return self.groups[group]


def test_while_a_group_only_waits_a_second_is_prepared_unless_it_is_much_smaller() -> None:
    staged = Staged(3)

    async def ask() -> None:
        gathered = Gathered(staged)

        def asks(*numbers: int) -> list[asyncio.Task[int]]:
            return [asyncio.create_task(gathered(number)) for number in numbers]

        asked = asks(0)
        assert await staged.begins(0) == [0]
        asked += asks(1, 2, 3, 4)
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 1  # the first is being prepared
        staged.prepared[0].set()
        assert await staged.begins(1) == [1, 2, 3, 4]
        asked += asks(5)
        staged.prepared[1].set()
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 2  # two wait already
        staged.written[0].set()
        assert await asked[0] == 0
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 2  # one is too few beside four
        asked += asks(6)
        assert await staged.begins(2) == [5, 6]
        for event in (*staged.prepared, *staged.written):
            event.set()
        assert await asyncio.gather(*asked) == list(range(7))

    asyncio.run(ask())


# --- gathering -------------------------------------------------------------------------------------------


def echo(sizes: list[int]) -> Gathered[int, int]:
    """Answers what is asked, and notes how many are answered together."""

    def do(asked: Sequence[int], _waits: Waits) -> Sequence[int | Exception]:
        sizes.append(len(asked))
        return asked

    return Gathered(do)


def test_those_who_were_answered_together_ask_again_together() -> None:
    sizes: list[int] = []
    gathered = echo(sizes)

    async def twice(number: int) -> None:
        assert await gathered(number) == number
        assert await gathered(-number) == -number

    async def ask() -> None:
        await asyncio.gather(*(twice(number) for number in range(8)))

    asyncio.run(ask())
    assert sizes == [1, 7, 8]


def test_nobody_is_waited_for_who_does_not_ask_again() -> None:
    sizes: list[int] = []
    gathered = echo(sizes)

    async def ask() -> int:
        await asyncio.gather(*(gathered(number) for number in range(8)))
        return await asyncio.wait_for(gathered(9), 10)

    assert asyncio.run(ask()) == 9
    assert sizes == [1, 7, 1]


# --- turns -----------------------------------------------------------------------------------------------


def test_the_next_turn_begins_where_the_one_before_only_waits_and_not_sooner() -> None:
    turns, seen, waiting = Turns(), list[str](), threading.Event()

    def second() -> None:
        with turns.one() as over:
            seen.append("second begins")
            over()
            over()  # again, without harm
        waiting.set()

    with ThreadPoolExecutor(1) as pool, turns.one() as over:
        done = pool.submit(second)
        assert not waiting.wait(0.1)
        seen.append("first waits")
        over()
        assert waiting.wait(10)
        done.result()
    assert seen == ["first waits", "second begins"]


def test_a_turn_that_fails_ends() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broken"), turns.one():
        raise ValueError("broken")
    with turns.one():
        pass
