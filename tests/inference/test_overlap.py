"""Three steps overlapped: order, bounds and stops do not depend on who is quick."""

from __future__ import annotations

import threading

import pytest

from peopleparse.inference.overlap import overlap


def collect(items, read=None, work=None, finish=None, **options):
    found = []

    def done(item, outcome):
        found.append((item, outcome.error if outcome.error else outcome.value))

    overlap(
        items,
        read or (lambda item: item * 10),
        work or (lambda item, value: value + 1),
        finish or (lambda item, value: str(value)),
        done,
        **options,
    )
    return found


@pytest.mark.parametrize("ahead", [1, 2, 5])
@pytest.mark.parametrize("finishers", [1, 3])
def test_all_steps_in_order(ahead, finishers):
    found = collect(range(20), ahead=ahead, finishers=finishers)
    assert found == [(n, str(n * 10 + 1)) for n in range(20)]
    assert collect([], ahead=ahead) == []


def test_order_does_not_depend_on_time():
    """The second is finished before the first, and still comes after it."""
    second_done = threading.Event()

    def finish(item, value):
        assert item != 0 or second_done.wait(10)
        if item == 1:
            second_done.set()
        return item

    found = collect([0, 1, 2], finish=finish, finishers=2)
    assert [item for item, _ in found] == [0, 1, 2]


@pytest.mark.parametrize("step", ["read", "work", "finish"])
def test_an_error_is_the_outcome_of_its_item(step):
    def fail(item, value=0):
        if item == 2:
            raise ValueError("odd")
        return value

    found = collect(range(4), **{step: fail})
    assert [item for item, _ in found] == [0, 1, 2, 3]
    assert [str(value) for _, value in found][2] == "odd"
    assert isinstance(found[2][1], ValueError)


def test_only_so_many_at_once():
    lock, alive, most = threading.Lock(), [0], [0]

    def read(item):
        with lock:
            alive[0] += 1
            most[0] = max(most[0], alive[0])
        return item

    def done(item, outcome):
        with lock:
            alive[0] -= 1

    overlap(range(100), read, lambda item, value: value, lambda item, value: value + 1, done, 2, 1)
    assert alive[0] == 0 and most[0] <= 2 + 1 + 2  # read ahead, at work, being finished


def test_work_is_done_in_the_calling_thread():
    seen = set()
    collect(range(3), work=lambda item, value: seen.add(threading.current_thread()) or 1)
    assert seen == {threading.current_thread()}


def test_an_interrupt_keeps_what_is_being_finished():
    found, begun = [], threading.Event()

    def work(item, value):
        if item == 2:
            assert begun.wait(10)
            raise KeyboardInterrupt
        return value

    def finish(item, value):
        begun.set()
        return item + 1

    with pytest.raises(KeyboardInterrupt):
        overlap(
            range(9),
            lambda item: item,
            work,
            finish,
            lambda item, outcome: found.append((item, outcome.value)),
            ahead=2,
            finishers=3,
        )
    assert found == [(0, 1), (1, 2)]


def test_an_error_of_the_caller_ends_all():
    def done(item, outcome):
        raise InterruptedError("full")

    with pytest.raises(InterruptedError, match="full"):
        overlap(range(9), lambda i: i, lambda i, v: v, lambda i, v: v + 1, done)
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "finish"))]
