# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the same work for many items, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import Any, Callable, Iterable, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    goes_on: Callable[[Exception], bool] = lambda error: False,
) -> list[Result]:
    """Do the work for each item.

    :param work: called with an item.
    :param items: what to work on.
    :param workers: how many at a time; at least 1.
    :param goes_on: called with an exception of ``work``, returns whether the items that were not begun yet are still worth trying.
    :return: what ``work`` returned, in the order of the items.
    :raises Exception: that of the first item for which ``work`` has raised one, when those that were begun have ended. Items are begun in their order,
        so which item that is depends on no race.
    """
    todo = deque(enumerate(items))
    results: list[Any] = [None] * len(todo)
    failures: dict[int, Exception] = {}

    def work_off() -> None:
        try:
            while True:
                number, item = todo.popleft()
                try:
                    results[number] = work(item)
                except Exception as exc:  # pylint: disable=broad-exception-caught
                    failures[number] = exc
                    if not goes_on(exc):
                        todo.clear()
        except IndexError:
            pass  # none is left

    try:
        _in_threads(work_off, min(workers, len(todo)))
    finally:
        todo.clear()
    if failures:
        raise failures[min(failures)]
    return results


def _in_threads(target: Callable[[], None], count: int) -> None:
    """Call a function in several threads at a time, and wait until all calls have ended; for a single one without a thread."""
    if count <= 1:
        target()
        return
    ended: SimpleQueue[None] = SimpleQueue()

    def run() -> None:
        try:
            target()
        finally:
            ended.put(None)

    # No pool: a process waits for a pool's threads before it exits, so the time limit of a task would not end one whose server hangs.
    for _number in range(count):
        threading.Thread(target=run, daemon=True).start()
    for _number in range(count):
        ended.get()
