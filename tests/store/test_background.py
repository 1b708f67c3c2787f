"""What is handed over is done in order, and not at all after a failure."""

import threading
import time

import pytest

from mu2.store.background import BackgroundWriter


def test_work_is_done_in_order_and_elsewhere():
    behind, done, go = BackgroundWriter(), [], threading.Event()
    behind.wait()
    behind.add(lambda: go.wait(10) and done.append(threading.current_thread().name))
    behind.add(lambda: done.append(2))
    assert done == []
    go.set()
    behind.wait()
    assert (len(done), done[1]) == (2, 2)
    assert done[0] != threading.current_thread().name
    behind.close()


def test_nothing_is_done_after_a_failure():
    behind, done = BackgroundWriter(), []
    behind.add(lambda: 1 / 0)
    behind.add(lambda: done.append(1))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            behind.wait()
    behind.add(lambda: done.append(2))
    with pytest.raises(ZeroDivisionError):
        behind.wait()
    behind.close()
    assert done == []


def test_closing_waits():
    behind, done = BackgroundWriter(), []
    behind.add(lambda: time.sleep(0.1))
    behind.add(lambda: done.append(1))
    behind.close()
    assert done == [1]
