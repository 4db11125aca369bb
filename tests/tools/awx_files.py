# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write everything about AWX that is made from something else: `make awx`."""

from __future__ import annotations

import pathlib
import sys

from tests.tools import awx, awx_pictures


def main() -> int:
    """Write the files below the folder that is given."""
    root = pathlib.Path(sys.argv[1])
    awx.write(root)
    awx_pictures.write(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
