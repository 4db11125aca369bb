# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README, the list of pages and the tags on Galaxy keep up with the vendors, the stores and the pages that exist."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from tests.vendor_cases import CASES

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
VENDOR_AND_STORE_PAGES = sorted([*(REFERENCE / "vendors").glob("*.md"), *(REFERENCE / "stores").glob("*.md")])
# A decision is listed in docs/decisions/README.md.
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "decisions" and path != ROOT / "docs" / "README.md")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SECTIONS = ("Requirements", "Installation", "Use cases", "Testing", "Support", "Release notes", "Licence")


def linked(page: pathlib.Path) -> set[pathlib.Path]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8"))
    return {(page.parent / target).resolve() for target in targets}


def missing(page: pathlib.Path, wanted: list[pathlib.Path]) -> list[str]:
    """Those of the files that a page does not link to."""
    return [str(path.relative_to(ROOT)) for path in wanted if path not in linked(page)]


def test_the_readme_links_every_vendor_and_every_store() -> None:
    assert len(VENDOR_AND_STORE_PAGES) >= len(CASES) and missing(ROOT / "README.md", VENDOR_AND_STORE_PAGES) == []


def test_the_list_of_pages_is_complete() -> None:
    assert missing(ROOT / "docs" / "README.md", [*PAGES, ROOT / "docs" / "decisions" / "README.md"]) == []


def test_the_list_of_decisions_is_complete_and_numbered() -> None:
    assert missing(ROOT / "docs" / "decisions" / "README.md", DECISIONS) == []
    assert [path.name[:4] for path in DECISIONS] == ["%04d" % number for number in range(1, len(DECISIONS) + 1)]


def test_every_vendor_and_every_store_has_a_page() -> None:
    stores = (ROOT / "plugins" / "plugin_utils" / "_stores").glob("[a-z]*.py")
    assert {path.stem for path in (REFERENCE / "vendors").glob("*.md")} == set(CASES)
    assert {path.stem for path in (REFERENCE / "stores").glob("*.md")} == {path.stem for path in stores}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_readme_has_the_sections_that_reviewers_look_for(section: str) -> None:
    assert "\n## %s\n" % section in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", sorted(CASES))
def test_the_tags_on_galaxy_name_each_product_or_its_family(vendor: str) -> None:
    tags = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["tags"]
    # The family is the first word of a product's name: VMware Cloud Director.
    families = [product.split()[0].lower() for product in CASES[vendor].capabilities.title.split(",")]
    assert [family for family in families if family not in tags] == [] and len(tags) <= 20
