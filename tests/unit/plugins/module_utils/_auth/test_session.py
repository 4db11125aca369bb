# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One login of the operator for all workers, made again when it ends."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.rekey.passwords.plugins.module_utils import errors
from ansible_collections.rekey.passwords.plugins.module_utils._auth.session import Session
from ansible_collections.rekey.passwords.plugins.module_utils.errors import PasswordError

WORKERS = 8


class Service:
    """Issues numbered tokens, of which only the last is good."""

    def __init__(self, fails_at=None):
        self.issued = 0
        self.seen = []
        self.fails_at = fails_at
        self.lock = threading.Lock()

    def log_in(self):
        self.issued += 1
        if self.issued == self.fails_at:
            raise PasswordError(errors.AUTHENTICATION_FAILED, "No.", maybe_applied=True)
        return "token-%d" % self.issued

    def answer(self, token):
        with self.lock:
            self.seen.append(token)
        return "done" if token == "token-%d" % self.issued else "ended"


def ended(answer):
    """Whether the service has refused a token."""
    return answer == "ended"


def opened(service):
    session = Session(service.log_in)
    assert session.token is None
    session.open()
    return session


def test_a_login_that_holds_is_made_once():
    service = Service()
    session = opened(service)
    assert [session.send(service.answer, ended) for _number in range(3)] == ["done"] * 3
    assert service.issued == 1 and session.token == "token-1"


def test_a_login_that_has_ended_is_made_once_for_all_workers():
    service = Service()
    session = opened(service)
    barrier = threading.Barrier(WORKERS)
    first = itertools.count()

    def request(token):
        if next(first) < WORKERS:
            # All have sent their request with the old token before anybody gets an answer.
            barrier.wait(10)
            service.seen.append(token)
            return "ended"
        return service.answer(token)

    with ThreadPoolExecutor(WORKERS) as pool:
        assert list(pool.map(lambda _number: session.send(request, ended), range(WORKERS))) == ["done"] * WORKERS
    assert service.issued == 2 and sorted(service.seen) == ["token-1"] * WORKERS + ["token-2"] * WORKERS


def test_it_may_end_again_and_again():
    service = Service()
    session = opened(service)
    for _number in range(3):
        service.issued += 1  # somebody else's login ends ours
        assert session.send(service.answer, ended) == "done"


def test_an_answer_that_stays_a_refusal_is_handed_on():
    service = Service()
    assert opened(service).send(lambda token: "ended", ended) == "ended" and service.issued == 2


def test_a_login_that_is_refused_is_tried_once_and_proves_that_nothing_was_done():
    service = Service(fails_at=2)
    session = opened(service)
    for _number in range(3):
        with pytest.raises(PasswordError) as caught:
            session.send(lambda token: "ended", ended)
        assert caught.value.kind == errors.AUTHENTICATION_FAILED and caught.value.maybe_applied is False
    assert service.issued == 2


def test_a_first_login_that_is_refused():
    service = Service(fails_at=1)
    with pytest.raises(PasswordError):
        opened(service)
