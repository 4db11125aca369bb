# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of what receives webhooks: it checks the signature of each, and does once what comes twice under the same key.

From the documentation: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries (the signature) and
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (the key).
"""

from __future__ import annotations

import hashlib
import hmac

from starlette.responses import Response

from tests.doubles.base import Double

PATH = "/hooks/passwords"
KEY = "S3cr3t-MARKER-webhook-key"


class WebhookDouble(Double):
    """A receiver. ``events`` holds the bodies by their keys, each once."""

    vendor = "webhook"

    def __init__(self, users=None, **options):
        self.events = {}
        super().__init__(users, **options)

    def routes(self):
        return [("POST", PATH, self._receive)]

    def is_write(self, received):
        return True

    def inspect(self, received):
        received.secrets = [KEY]

    def authenticate(self, received):
        signature = "sha256=" + hmac.new(KEY.encode(), received.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(received.headers.get("x-hub-signature-256", ""), signature):
            return self.error(401, "the signature is wrong")
        return None

    def _receive(self, received):
        self.commit(received, lambda: self.events.setdefault(received.headers["idempotency-key"], received.json()))
        return Response(status_code=204)


DOUBLE = WebhookDouble
