"""Three steps for each of many things, overlapped: one is read and one is finished meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Work = TypeVar("Work")
Done = TypeVar("Done")


class Outcome(Generic[Done]):
    """What became of one thing: a value, or the exception that ended its way."""

    def __init__(self, value: Done | None = None, error: Exception | None = None) -> None:
        self._value, self.error = value, error

    @property
    def value(self) -> Done:
        """The value; only where there is no error."""
        assert self._value is not None
        return self._value


def overlap(
    items: Iterable[Item],
    read: Callable[[Item], Read],
    work: Callable[[Item, Read], Work],
    finish: Callable[[Item, Work], Done],
    done: Callable[[Item, Outcome[Done]], None],
    ahead: int = 2,
    finishers: int = 1,
) -> None:
    """Read, work on and finish each item; `done` is called in their order, whoever is ready first.

    `work` and `done` run in the calling thread, which is where signals arrive. At most `ahead`
    items are read in advance and at most `finishers` + 1 wait to be finished, so memory does not
    grow with their number. An exception of `read`, `work` or `finish` is that item's outcome.

    When `done` raises or the caller is interrupted, nothing new is begun; what was being finished
    is, and is handed to `done` if that still works.

    Args:
        items: what to do; taken one by one.
        read: first step, in threads.
        work: second step, one item at a time.
        finish: third step, in threads.
        done: takes the outcome.
        ahead: items read in advance, each in a thread of its own.
        finishers: threads of the third step.
    """
    rest, reading = iter(items), deque[tuple[Item, Future[Read]]]()
    finishing: deque[tuple[Item, Future[Done]]] = deque()
    readers = ThreadPoolExecutor(ahead, "read")
    writers = ThreadPoolExecutor(finishers, "finish")

    def hand_over(most: int) -> None:
        while len(finishing) > most:
            item, future = finishing[0]
            outcome = _outcome(future)
            finishing.popleft()  # only now: an interrupt while waiting must not lose it
            done(item, outcome)

    try:
        while True:
            for item in islice(rest, ahead - len(reading)):
                reading.append((item, readers.submit(read, item)))
            if not reading:
                break
            item, future = reading.popleft()
            finishing.append((item, _work_on(item, future, work, finish, writers)))
            hand_over(finishers)
        hand_over(0)
    except BaseException:
        for _, left in reading:
            left.cancel()
        while finishing:
            with suppress(Exception):
                hand_over(len(finishing) - 1)
        raise
    finally:
        readers.shutdown(cancel_futures=True)
        writers.shutdown()


def _work_on(
    item: Item,
    reading: Future[Read],
    work: Callable[[Item, Read], Work],
    finish: Callable[[Item, Work], Done],
    writers: ThreadPoolExecutor,
) -> Future[Done]:
    try:
        value = work(item, reading.result())
    except Exception as error:
        failed: Future[Done] = Future()
        failed.set_exception(error)
        return failed
    return writers.submit(finish, item, value)


def _outcome(future: Future[Done]) -> Outcome[Done]:
    try:
        return Outcome(future.result())
    except Exception as error:
        return Outcome(error=error)
