# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  validate_certs:
    description:
      - Whether the server's certificate is checked. V(false) gets a warning.
      - If not set, the environment variable C(<VENDOR>_VALIDATE_CERTS) is used, for example E(MILVUS_VALIDATE_CERTS).
    type: bool
    default: true
  ca_path:
    description:
      - A file or folder with the certificate authorities to trust. By default those that the library requests trusts, or E(REQUESTS_CA_BUNDLE).
      - If not set, the environment variable C(<VENDOR>_CA_PATH) is used, for example E(MILVUS_CA_PATH).
    type: path
  client_cert:
    description:
      - A file with the certificate with which to introduce oneself to the server, and perhaps its key.
      - If not set, the environment variable C(<VENDOR>_CLIENT_CERT) is used, for example E(MILVUS_CLIENT_CERT).
    type: path
  client_key:
    description:
      - A file with the key of O(client_cert), without a pass phrase.
      - If not set, the environment variable C(<VENDOR>_CLIENT_KEY) is used, for example E(MILVUS_CLIENT_KEY).
    type: path
  timeout:
    description:
      - How many seconds to wait for a connection, and then for each piece of an answer.
      - If not set, the environment variable C(<VENDOR>_TIMEOUT) is used, for example E(MILVUS_TIMEOUT).
    type: float
    default: 30.0
  deadline:
    description:
      - How many seconds a request may take as a whole, from the connection to the last byte of the answer, its repetitions included. It ends also what
        O(timeout) does not, such as an answer of which a byte comes each second. Waits that the server asks for do not count.
      - By default four times O(timeout).
      - If not set, the environment variable C(<VENDOR>_DEADLINE) is used, for example E(MILVUS_DEADLINE).
    type: float
  retries:
    description:
      - How often a request is sent again at most. A change is sent again only where it certainly did not happen, a refused login never.
      - Waits as long as the server asks for by C(Retry-After), but a minute at most.
      - If not set, the environment variable C(<VENDOR>_RETRIES) is used, for example E(MILVUS_RETRIES).
    type: int
    default: 3
  concurrency:
    description:
      - How many users are worked on at the same time, 1000 at most.
      - If not set, the environment variable C(<VENDOR>_CONCURRENCY) is used, for example E(MILVUS_CONCURRENCY).
    type: int
    default: 8
notes:
  - An option that is an empty text, or an environment variable that is empty, counts as not set. AWX and templates give one for a field that was left empty.
  - A secret must be a text. Without quotes YAML makes a number of C(01234567) and a boolean of C(yes), so that such a value is refused.
  - Proxies are taken from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY). The file C(~/.netrc) is not read.
"""
