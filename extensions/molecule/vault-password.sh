#!/bin/sh
# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The vault password of the scenarios. It guards the passwords of doubles, that is, nothing.
echo "vault password of the scenarios"
