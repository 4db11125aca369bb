# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  validate_certs:
    description:
      - Whether to validate the server's certificate. V(false) causes a warning.
      - If not set, the environment variable C(<VENDOR>_VALIDATE_CERTS) is used, for example E(MILVUS_VALIDATE_CERTS).
    type: bool
    default: true
  ca_path:
    description:
      - File or folder with the certificate authorities to trust. Defaults to those of the requests library, or E(REQUESTS_CA_BUNDLE).
      - If not set, the environment variable C(<VENDOR>_CA_PATH) is used, for example E(MILVUS_CA_PATH).
    type: path
  client_cert:
    description:
      - Client certificate file (PEM); may also contain the private key.
      - If not set, the environment variable C(<VENDOR>_CLIENT_CERT) is used, for example E(MILVUS_CLIENT_CERT).
    type: path
  client_key:
    description:
      - Private key file of O(client_cert), without a pass phrase.
      - If not set, the environment variable C(<VENDOR>_CLIENT_KEY) is used, for example E(MILVUS_CLIENT_KEY).
    type: path
  timeout:
    description:
      - Seconds to wait for a connection, and then for each part of a response.
      - If not set, the environment variable C(<VENDOR>_TIMEOUT) is used, for example E(MILVUS_TIMEOUT).
    type: float
    default: 30.0
  deadline:
    description:
      - Seconds that a request may take in total, from the connection to the last byte of the response, retries included. Unlike
        O(timeout) it also ends a response that trickles in byte by byte. Waits that the server asks for do not count.
      - Defaults to four times O(timeout).
      - If not set, the environment variable C(<VENDOR>_DEADLINE) is used, for example E(MILVUS_DEADLINE).
    type: float
  retries:
    description:
      - Maximum number of retries per request. A change is retried only if it certainly did not happen; a refused login is never retried.
      - Waits as long as the server asks for with C(Retry-After), but no more than a minute.
      - If not set, the environment variable C(<VENDOR>_RETRIES) is used, for example E(MILVUS_RETRIES).
    type: int
    default: 3
  concurrency:
    description:
      - Number of users processed at the same time, at most 1000.
      - If not set, the environment variable C(<VENDOR>_CONCURRENCY) is used, for example E(MILVUS_CONCURRENCY).
    type: int
    default: 8
notes:
  - An empty option or environment variable counts as not set. AWX and templates produce one for a field left empty.
  - A secret must be a string. Without quotes YAML turns C(01234567) into a number and C(yes) into a boolean, so such values are refused.
  - Proxies come from the environment variables E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY). The file C(~/.netrc) is not read.
"""
