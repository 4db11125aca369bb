# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same work for many: order, number at a time, and what a failure does to the others."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils._parallel import run_parallel

DEADLINE = 30  # seconds; nothing here takes long


@pytest.mark.parametrize("workers", [1, 3, 50])
@pytest.mark.parametrize("number", [0, 1, 2, 20])
def test_results_come_in_the_order_of_the_items(workers, number):
    assert run_parallel(lambda item: item * item, iter(range(number)), workers) == [item * item for item in range(number)]


def test_so_many_at_a_time():
    meeting = threading.Barrier(3, timeout=DEADLINE)
    # Fewer would wait for each other for ever, and each meeting needs three.
    run_parallel(lambda _item: meeting.wait(), range(9), 3)
    assert not meeting.broken


def test_one_at_a_time_stays_in_the_callers_thread():
    assert set(run_parallel(lambda _item: threading.current_thread(), range(3), 1)) == {threading.current_thread()}


def test_threads_do_not_keep_a_process_alive():
    assert run_parallel(lambda _item: threading.current_thread().daemon, range(2), 2) == [True, True]


class Failing:
    """Fails for some items, and remembers all that it was called with."""

    def __init__(self, **errors):
        self.errors = {int(name[1:]): error for name, error in errors.items()}
        self.seen = []

    def __call__(self, item):
        self.seen.append(item)
        if item in self.errors:
            raise self.errors[item]
        return item


def test_after_a_failure_no_further_item_is_begun():
    work = Failing(_2=OSError("third"))
    with pytest.raises(OSError, match="third"):
        run_parallel(work, range(100), 1)
    assert work.seen == [0, 1, 2]


def test_those_that_were_begun_come_to_their_ends_before_the_failure_is_told():
    begun, ended = threading.Barrier(2, timeout=DEADLINE), []

    def work(item):
        begun.wait()
        if item == 0:
            raise OSError("first")
        ended.append(item)

    with pytest.raises(OSError, match="first"):
        run_parallel(work, range(2), 2)
    assert ended == [1]


def test_which_failure_is_told_depends_on_the_order_of_the_items_and_on_no_race():
    later_has_failed = threading.Event()

    def work(item):
        if item == 0:
            assert later_has_failed.wait(DEADLINE)
            raise OSError("first")
        later_has_failed.set()
        raise OSError("second")

    with pytest.raises(OSError, match="first"):
        run_parallel(work, range(2), 2)


@pytest.mark.parametrize("workers", [1, 4])
def test_some_failures_stop_nobody_else(workers):
    work = Failing(_1=ValueError("of one"), _3=ValueError("of another"))
    with pytest.raises(ValueError, match="of"):
        run_parallel(work, range(10), workers, lambda error: isinstance(error, ValueError))
    assert sorted(work.seen) == list(range(10))


def test_a_failure_that_stops_all_counts_among_those_that_do_not():
    work = Failing(_1=ValueError("of one"), _3=OSError("of all"))
    with pytest.raises(ValueError, match="of one"):
        run_parallel(work, range(10), 1, lambda error: isinstance(error, ValueError))
    assert work.seen == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [1, 4])
def test_an_index_error_of_the_work_is_a_failure_and_not_the_end(workers):
    with pytest.raises(IndexError, match="from the work"):
        run_parallel(Failing(_1=IndexError("from the work")), range(10), workers)
