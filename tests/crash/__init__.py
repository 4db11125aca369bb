# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations that die, or whose disk fails, at every write and every network call that they make; the points are found by instrumentation.

``hooks`` finds the points, ``fork_server`` runs rotations in processes that may be killed, ``kill_harness`` looks at what a dead one has left and lets the
next run finish it. ``make test`` runs a sample, ``make test-crash`` every point.
"""
