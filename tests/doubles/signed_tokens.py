# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Web Tokens as an identity provider or a Kubernetes cluster signs them (RFC 7519, ES256 of RFC 7518)."""

from __future__ import annotations

import base64
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

_SIZE = 32  # bytes of each of the two numbers of a signature


class Issuer:
    """Whoever signs tokens, with a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """What its signatures are checked with, in PEM."""
        public = self._key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def sign(self, lifetime: float = 600.0, **claims: object) -> str:
        """A token with these claims.

        :param lifetime: seconds from now; negative for one that has expired.
        """
        now = int(time.time())
        times = {"iat": now - 1200, "nbf": now - 1200, "exp": int(now + lifetime)}
        text = ".".join(_encoded(json.dumps(part).encode("utf-8")) for part in ({"alg": "ES256", "typ": "JWT"}, {**times, **claims}))
        numbers = utils.decode_dss_signature(self._key.sign(text.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        return text + "." + _encoded(b"".join(number.to_bytes(_SIZE, "big") for number in numbers))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
