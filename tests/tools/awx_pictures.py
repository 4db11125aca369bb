# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Draws the pictures of the tutorial on AWX from the data in extensions/awx, as SVG; a test compares them.

They show what is asked and what follows what, and do not imitate the look of AWX, which changes.
"""

from __future__ import annotations

import pathlib
import textwrap
from typing import Any
from xml.sax.saxutils import escape

from tests.tools import awx

FOLDER = pathlib.Path("docs", "images")
WIDTH = 760
MARGIN = 24
INK, GREY, LINE, PAPER, BLUE, GREEN, AMBER = "#1f2328", "#59636e", "#afb8c1", "#ffffff", "#0969da", "#1a7f37", "#9a6700"
# The summary of a job, as the role prints it; a test compares the words with those of the role.
OUTPUT = (
    "TASK [rekey.passwords.rotate : Show the summary] *******************************",
    "ok: [milvus-1.example.com] => {",
    '    "msg": [',
    '        "alice (expired): rotated, verified by a login",',
    '        "bob (expired): rotated, verified by a login"',
    "    ]",
    "}",
)


class Drawing:
    """An SVG picture that grows downwards."""

    def __init__(self, title: str, height: int, width: int = WIDTH) -> None:
        self._size = (width, height)
        self._title = title
        self._parts: list[str] = []

    def text(self, x: float, y: float, text: str, *, size: int = 14, colour: str = INK, bold: bool = False, anchor: str = "start", mono: bool = False) -> None:
        """Add one line of text; `x` and `y` in pixels, of its baseline."""
        family = "ui-monospace, monospace" if mono else "system-ui, sans-serif"
        weight = ' font-weight="600"' if bold else ""
        space = ' xml:space="preserve"' if mono else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-family="{family}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}{space}>{escape(text)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, *, stroke: str = LINE, fill: str = PAPER) -> None:
        """Add a rectangle."""
        self._parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{fill}" stroke="{stroke}"/>')

    def arrow(self, x: float, y: float, length: float, colour: str) -> None:
        """Add an arrow to the right."""
        end = x + length
        self._parts.append(f'<path d="M{x:g} {y:g} H{end:g} m-7 -5 l7 5 l-7 5" fill="none" stroke="{colour}" stroke-width="2"/>')

    def svg(self) -> str:
        """Return the file."""
        width, height = self._size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
        ground = f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
        licence = "".join(f"{line[2:]}\n" for line in awx.LICENCE.splitlines())
        return "\n".join([f"<!--\n{licence}\nWritten by make awx.\n-->", head, f"<title>{escape(self._title)}</title>", ground, *self._parts, "</svg>"]) + "\n"


def survey(spec: dict[str, Any]) -> str:
    """Draw the questions of a survey."""
    row = 78
    drawing = Drawing(f"Survey: {spec['name']}", 64 + row * len(spec["spec"]))
    drawing.text(MARGIN, 36, spec["name"], size=18, bold=True)
    drawing.text(WIDTH - MARGIN, 36, "* required", size=12, colour=GREY, anchor="end")
    for number, question in enumerate(spec["spec"]):
        top = 62 + row * number
        drawing.text(MARGIN, top, question["question_name"] + (" *" if question["required"] else ""), bold=True)
        drawing.box(MARGIN, top + 8, 300, 28)
        value = "\u2022" * 8 if question["type"] == "password" else question.get("default", "")
        drawing.text(MARGIN + 10, top + 27, value)
        if question.get("choices"):
            drawing.text(MARGIN + 290, top + 27, "\u25be", colour=GREY, anchor="end")
        for line_number, line in enumerate(textwrap.wrap(question["question_description"], 54)):
            drawing.text(MARGIN + 320, top + 8 + 16 * line_number, line, size=12, colour=GREY)
    return drawing.svg()


def workflow(data: dict[str, Any]) -> str:
    """Draw the nodes of a workflow, one behind the other."""
    nodes = {node["identifier"]: node for node in data["workflow_nodes"]}
    after = {each["identifier"] for node in nodes.values() for each in node["related"]["success_nodes"]}
    (first,) = set(nodes) - after
    chain = [first]
    while nodes[chain[-1]]["related"]["success_nodes"]:
        (following,) = nodes[chain[-1]]["related"]["success_nodes"]
        chain.append(following["identifier"])
    width, gap, height = 200, 36, 170
    drawing = Drawing(data["name"], height, 2 * MARGIN + len(chain) * width + (len(chain) - 1) * gap)
    drawing.text(MARGIN, 32, data["name"], size=18, bold=True)
    for number, name in enumerate(chain):
        template = nodes[name]["unified_job_template"]
        approval = template["type"] == "workflow_approval"
        x = MARGIN + number * (width + gap)
        drawing.box(x, 52, width, 58, stroke=AMBER if approval else BLUE)
        drawing.text(x + width / 2, 76, template["name"], size=13, bold=True, anchor="middle")
        drawing.text(x + width / 2, 96, "somebody approves" if approval else "job", size=12, colour=GREY, anchor="middle")
        if number:
            drawing.arrow(x - gap + 3, 81, gap - 6, GREEN)
    drawing.text(MARGIN, 144, "Each arrow: on success. A failure, or a refusal, ends the workflow, and a notification is sent.", size=12, colour=GREY)
    return drawing.svg()


def output() -> str:
    """Draw the end of a job's output."""
    drawing = Drawing("The end of the output of Rotate passwords", 2 * MARGIN + 20 * len(OUTPUT))
    for number, line in enumerate(OUTPUT):
        drawing.text(MARGIN, MARGIN + 14 + 20 * number, line, size=13, mono=True, colour=INK if line.startswith("TASK") else GREEN)
    return drawing.svg()


def pictures(root: pathlib.Path) -> dict[str, str]:
    """Return all pictures by their names.

    :param root: the folder of the collection.
    """
    data = awx.objects(root)
    surveys = {awx.rendered(each)["playbook"]: awx.rendered(each)["survey_spec"] for each in data["controller_templates"]}
    return {
        "awx-output.svg": output(),
        "awx-survey-repair.svg": survey(surveys["playbooks/repair.yml"]),
        "awx-survey-rotate.svg": survey(surveys["playbooks/rotate.yml"]),
        "awx-workflow.svg": workflow(awx.rendered(data["controller_workflows"][0])),
    }


def write(root: pathlib.Path) -> None:
    """Write them below the folder that is given."""
    (root / FOLDER).mkdir(exist_ok=True)
    for name, text in pictures(root).items():
        (root / FOLDER / name).write_text(text, encoding="utf-8")
