# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Write the page on the public Python interface from the docstrings, signatures and comments of its files. A test compares the two.

The files are parsed instead of imported, so that the comment beside a field can become its description.
"""

from __future__ import annotations

import ast
import io
import pathlib
import sys
import textwrap
import tokenize
from collections.abc import Iterator

PAGE = pathlib.Path("docs", "docsite", "rst", "public_interface.rst")
PACKAGE = "ansible_collections.rekey.passwords.plugins"
MODULES = (
    "module_utils.vendor",
    "module_utils.errors",
    "module_utils.http",
    "module_utils.module_runner",
    "plugin_utils.store",
    "plugin_utils.record",
)
HEADER = """\
..
  Copyright (c) 2026 rekey.passwords contributors
  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

  Written by make public-interface.

.. _ansible_collections.rekey.passwords.docsite.public_interface:

The public Python interface
===========================

Other collections can bring vendors and stores of their own. They may import what this page describes; it follows semantic versioning.
Everything else below ``plugins/module_utils`` and ``plugins/plugin_utils`` is private: its name, or that of a folder above it, begins with an underscore.

.. contents::
  :local:
  :depth: 1
"""


class Source:
    """One file of the interface."""

    def __init__(self, path: pathlib.Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.path = path
        self.tree = ast.parse(text)
        self.lines = text.splitlines()
        self.comments = {
            token.start[0]: token.string.lstrip("# ") for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
        }

    def comment(self, node: ast.stmt) -> str:
        """Return the comment beside a statement, or else the one right above it; none if it is meant for a tool."""
        first, last = node.lineno, node.end_lineno or node.lineno
        beside = " ".join(self.comments[line] for line in range(first, last + 1) if line in self.comments)
        above: list[str] = []
        line = first - 1
        while not beside and line in self.comments and self.lines[line - 1].lstrip().startswith("#"):
            above.insert(0, self.comments[line])
            line -= 1
        text = beside or " ".join(above)
        return "" if text.startswith(("type:", "pylint:", "noqa")) else text

    @property
    def public(self) -> set[str]:
        """The names in ``__all__``, or else those without a leading underscore."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return set(ast.literal_eval(node.value))
        return {name for node in self.tree.body for name in defined(node) if not name.startswith("_")}


def defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [ast.unparse(node.target)]
    if isinstance(node, ast.Assign):
        return [name.strip() for name in ast.unparse(node.targets[0]).strip("()").split(",")]
    return []


def indented(text: str) -> str:
    """Return a text as the body of a directive."""
    return textwrap.indent(text, "   ")


def directive(kind: str, head: str, options: dict[str, str], body: str) -> str:
    """Return a directive of Sphinx's Python domain."""
    lines = [".. py:%s:: %s" % (kind, head), *("   :%s:%s" % (name, " " + value if value else "") for name, value in options.items())]
    return "\n".join(lines) + ("\n\n" + indented(body) if body else "") + "\n"


def signature(node: ast.FunctionDef, is_method: bool = False) -> str:
    """Return the parameters with their types, and the type of the result."""
    arguments = ast.parse(ast.unparse(node.args).join(("def f(", "): pass"))).body[0].args  # type: ignore[attr-defined]
    if is_method and arguments.args:
        arguments.args.pop(0)
    return "(%s)%s" % (ast.unparse(arguments), " -> %s" % ast.unparse(node.returns) if node.returns else "")


def function(node: ast.FunctionDef) -> str:
    return directive("function", node.name + signature(node), {}, ast.get_docstring(node) or "")


def variable(source: Source, node: ast.Assign | ast.AnnAssign, name: str, kind: str) -> str:
    """Describe a constant of a module, or an attribute of a class."""
    options = {}
    if isinstance(node, ast.AnnAssign):
        options["type"] = ast.unparse(node.annotation)
    value = ast.unparse(node.value) if node.value is not None and len(defined(node)) == 1 else ""
    if value and len(value) < 80 and not value.startswith("field("):
        options["value"] = value
    return directive(kind, name, options, source.comment(node))


def method(node: ast.FunctionDef) -> str:
    kinds = {ast.unparse(decorator) for decorator in node.decorator_list}
    if "property" in kinds:
        options = {"type": ast.unparse(node.returns)} if node.returns else {}
        return directive("property", node.name, options, ast.get_docstring(node) or "")
    options = {option: "" for option, decorator in (("abstractmethod", "abstractmethod"), ("classmethod", "classmethod")) if decorator in kinds}
    return directive("method", node.name + signature(node, is_method=True), options, ast.get_docstring(node) or "")


def members(source: Source, node: ast.ClassDef) -> Iterator[str]:
    """Yield the public attributes, properties and methods, in the order of the file."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            if not item.name.startswith("_") and not any(ast.unparse(decorator).endswith(".setter") for decorator in item.decorator_list):
                yield method(item)
        elif isinstance(item, (ast.Assign, ast.AnnAssign)):
            for name in defined(item):
                if not name.startswith("_"):
                    yield variable(source, item, name, "attribute")


def class_(source: Source, node: ast.ClassDef) -> str:
    made = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
    is_error = any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    head = node.name + (signature(made[0], is_method=True).replace(" -> None", "") if made else "")
    return directive("exception" if is_error else "class", head, {}, "\n".join([(ast.get_docstring(node) or "") + "\n", *members(source, node)]).strip())


def blocks(source: Source, public: set[str]) -> Iterator[str]:
    """Yield the descriptions of the public names, including those imported from a private file."""
    for node in source.tree.body:
        names = [each for each in defined(node) if each in public]
        if isinstance(node, ast.ClassDef) and names:
            yield class_(source, node)
        elif isinstance(node, ast.FunctionDef) and names:
            yield function(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield from (variable(source, node, each, "data") for each in names)
        elif isinstance(node, ast.ImportFrom) and node.level == 1 and (node.module or "").startswith("_"):
            imported = {each.name for each in node.names} & public
            if imported:
                yield from blocks(Source(source.path.with_name("%s.py" % node.module)), imported)


def chapter(name: str, source: Source) -> str:
    """Return the chapter on one module."""
    title = "``%s``" % name
    head = "%s\n%s\n\n.. py:module:: %s.%s\n\n%s\n" % (title, "-" * len(title), PACKAGE, name, ast.get_docstring(source.tree))
    return "\n".join([head, *blocks(source, source.public)])


def page(root: pathlib.Path) -> str:
    """Return the page, as it should be now.

    :param root: the folder of the collection.
    """
    chapters = [chapter(name, Source(root / "plugins" / (name.replace(".", "/") + ".py"))) for name in MODULES]
    text = "\n".join([HEADER, *chapters])
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def main() -> int:
    """Write the page of the collection in the given folder."""
    root = pathlib.Path(sys.argv[1])
    (root / PAGE).write_text(page(root), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
