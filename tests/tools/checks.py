# Copyright (c) 2026 rekey.passwords contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
Run checks: `python3 -m tests.tools.checks test`, or `check`, or the names of single steps.

First creates the virtual environment and the staged copy. The Makefile only calls this.
"""

from __future__ import annotations

import os
import sys
import time

from tests.tools import interpreters, layout, matrix, runner, stage, venvs

QUICK = ("quick-lint", "types", "units-quick", "integration-quick")
# Separate steps, since they take minutes and can run in parallel.
INTEGRATION = ("integration", "real-servers", "secrets")
# The long ones come first, so that no lane is empty at the end.
EVERYTHING = (
    "quick-lint", "types", "units", "demo", "server-packages", "real-servers", "integration", "crash", "matrix-quick", "secrets", "sanity", "bench-smoke",
    "molecule", "lint", "docs-lint", "build", "importer", "install-check",
)  # fmt: skip
# The ansible-core of the main environment by Python version, as in tests/requirements/demo.txt.
MAIN_CORES = {"3.11": "2.19", "3.12": "2.21", "3.13": "2.21"}
# These steps need further packages.
BENCH = ("bench", "bench-page")


def steps_by_name() -> dict[str, runner.Step]:
    """Return every step except those of the matrix."""
    tools, plain = layout.tool_environment(), layout.base_environment()

    def tool(name: str, *arguments: str) -> list[str]:
        return [venvs.executable(layout.MAIN_VENV, name), *arguments]

    def script(name: str) -> list[str]:
        # These set their tools' environment themselves, since some also need the caller's settings for pip.
        return tool("python", "-m", f"tests.tools.{name}")

    def pytest(*arguments: str) -> list[str]:
        return tool("python", "-m", "pytest", "-q", *arguments)

    def bench(*arguments: str) -> list[str]:
        return tool("python", "-m", "benchmarks", *arguments)

    every = [
        runner.Step("quick-lint", "headers, yamllint, ruff, codespell", script("quick_lint"), plain, layout.ROOT),
        runner.Step(
            "types",
            "mypy on the plugins and the tools",
            tool("mypy", "-p", "ansible_collections.rekey.passwords.plugins", "-p", "tests.tools"),
            {**tools, "MYPY_CACHE_DIR": str(layout.BUILD / "mypy")},
        ),
        runner.Step("lint", "ansible-lint with the production profile", tool("ansible-lint", "--offline", "--profile", "production", "--strict"), tools),
        runner.Step("docs-lint", "antsibull-docs, antsibull-changelog lint, Sphinx", script("docs_lint"), plain, layout.ROOT),
        runner.Step("sanity", "ansible-test sanity (its own tools are about 60 MB, once)", script("sanity"), plain, layout.ROOT),
        runner.Step("units", "pytest tests/unit", pytest("tests/unit", "-n", "3"), tools),
        runner.Step("units-quick", "pytest tests/unit: a sample of the large products", pytest("tests/unit", "-n", "3", "-m", "not slow"), tools),
        runner.Step(
            "server-packages",
            "for tests with real parts: Trove and Keystone (333 MB, once), ansible-rulebook (90 MB), awx.awx and kubernetes.core (54 MB), MariaDB, Java, pass",
            script("server_packages"),
            plain,
            layout.ROOT,
        ),
        runner.Step(
            "integration",
            "pytest tests/integration: whole playbooks against simulators",
            # Two at a time: most of it waits for servers that respond late or never.
            pytest("tests/integration", "-n", "2", "-m", "not real and not secrets"),
            tools,
        ),
        runner.Step(
            "secrets",
            "pytest tests/integration: the search for secrets in everything that runs print and leave behind",
            pytest("tests/integration", *matrix.AT_ONCE, "-m", "secrets and not real"),
            tools,
        ),
        runner.Step(
            "real-servers",
            "pytest tests/integration: whole playbooks against the real Milvus, Trove, OpenBao and pass, with ansible-rulebook or awx.awx",
            pytest("tests/integration", "-m", "real"),
            tools,
            after=("server-packages",),
        ),
        runner.Step("crash", "pytest tests/crash: rotations killed at a sample of their writes and network calls", pytest("tests/crash"), tools),
        runner.Step(
            # A test of one vendor and store takes minutes; that does not mean that it hangs.
            "test-crash",
            "pytest tests/crash: rotations killed at every one of their writes and network calls",
            pytest("tests/crash", "-o", "faulthandler_timeout=0"),
            {**tools, "REKEY_CRASH": "every"},
            limit=6 * 3600,
        ),
        runner.Step(
            "test-awx",
            "pytest tests/integration: jobs as AWX runs them, every case for every vendor with every store",
            pytest("tests/integration/test_awx_jobs.py", "tests/integration/test_awx_jobs_failures.py", "tests/integration/test_awx_jobs_launch.py", "-n", "2"),
            {**tools, "REKEY_AWX_JOBS": "every"},
        ),
        runner.Step(
            "test-vendors",
            "pytest tests/integration: the playbook tests of which `make test` takes a sample, for every vendor",
            # The files that tests/integration/vendor_sample.py names.
            pytest("tests/integration/test_rotation_care.py", "tests/integration/test_edges_hostile.py", "tests/integration/test_emergency.py", "-n", "2"),
            {**tools, "REKEY_VENDORS": "every"},
        ),
        runner.Step("demo", "what `make demo` runs; it checks its own claims", tool("python", "-m", "tests.demo.demo"), tools),
        runner.Step("integration-quick", "pytest tests/integration: the quick playbook tests", pytest(*matrix.QUICK_PLAYBOOKS), tools),
        runner.Step("molecule", "molecule test --all", tool("molecule", "test", "--all"), tools),
        runner.Step("build", "ansible-galaxy collection build", script("build"), plain, layout.ROOT),
        runner.Step("importer", "galaxy-importer on the archive", script("importer"), plain, layout.ROOT, after=("build",)),
        runner.Step("changelog", "CHANGELOG.rst from the fragments", script("changelog"), plain, layout.ROOT),
        runner.Step("vendor-table", "the table of vendors in README.md", [*script("vendor_table"), str(layout.ROOT)], tools),
        runner.Step("awx", "the credential types for AWX, the page on extensions/awx, the pictures", [*script("awx_files"), str(layout.ROOT)], tools),
        runner.Step("public-interface", "the page on the public Python interface", [*script("public_interface"), str(layout.ROOT)], tools),
        runner.Step("bench-smoke", "the benchmarks with tiny numbers: whether they run, not how fast", bench("--smoke"), tools),
        # Results belong in the checkout.
        runner.Step("bench", "the figures in docs/reference/performance.md, measured", bench("--checkout", str(layout.ROOT)), tools),
        runner.Step("bench-page", "docs/reference/performance.md from the existing results", bench("--page", "--checkout", str(layout.ROOT)), tools),
        runner.Step("install-check", "the archive installed elsewhere, and an ad-hoc call", script("install_check"), plain, layout.ROOT, after=("build",)),
    ]
    return {step.name: step for step in every}


def matrix_steps(main_version: str, quick: bool) -> list[runner.Step]:
    """Return a step for every other supported ansible-core that has a Python here: sanity, units, the search for secrets and quick playbooks.

    :param quick: whether a sample is enough, see tests/tools/matrix.py.
    """
    titles = {
        "whole": "sanity, quick playbooks, units, secrets",
        "oldest": "some sanity, quick playbooks, units, a sample of secrets",
        "newest": "some sanity, quick playbooks, units",
        "between": "imports, every vendor's playbooks",
    }
    steps = []
    for core, pythons in matrix.CORES.items():
        if core == MAIN_CORES[main_version]:
            continue
        version, found = next(((version, path) for version in pythons if (path := interpreters.find(version))), ("", None))
        extent = matrix.extent_of(core, not quick)
        command = [venvs.executable(layout.MAIN_VENV, "python"), "-m", "tests.tools.matrix", core, str(found), version, extent]
        step = runner.Step(f"core{core}", f"{titles[extent]} on ansible-core {core}", command, layout.base_environment(), layout.ROOT)
        if not found:
            step.skipped = f"it needs one of these Pythons, with its venv module: {', '.join(pythons)}"
        steps.append(step)
    # Those that take longest come first.
    return sorted(steps, key=lambda step: step.command[-1] == "between")


def select(names: list[str], main_version: str) -> list[runner.Step]:
    """Return the steps of these names, and those that they depend on."""
    wanted: list[str] = []
    for name in names:
        wanted += {"check": QUICK, "test": EVERYTHING, "integration": INTEGRATION}.get(name, (name,))
    known = steps_by_name()
    chosen: dict[str, runner.Step] = {}
    for name in wanted:
        if name in ("matrix", "matrix-quick"):
            chosen.update((step.name, step) for step in matrix_steps(main_version, quick=name == "matrix-quick"))
        elif name in known:
            for needed in (*known[name].after, name):
                chosen.setdefault(needed, known[needed])
        else:
            raise SystemExit(f"Unknown step {name!r}. Choose from: check, test, matrix, {', '.join(known)}.")
    return list(chosen.values())


def main(arguments: list[str]) -> int:
    """Prepare, then run the steps, and return the exit status."""
    python, version = interpreters.for_the_main_environment()
    if arguments == ["stage"]:
        prepare_stage()
        return 0
    if arguments == ["demo"]:
        venvs.ensure(layout.MAIN_VENV, "demo", python, version)
        prepare_stage()
        # The demo replaces this process, so its output and exit status are those of the command.
        os.chdir(layout.STAGED)
        command = [venvs.executable(layout.MAIN_VENV, "python"), "-m", "tests.demo.demo"]
        # It shows paths relative to the checkout.
        os.execve(command[0], command, {**layout.tool_environment(), "REKEY_CHECKOUT": str(layout.ROOT)})
    venvs.ensure(layout.MAIN_VENV, "checks", python, version)
    if set(arguments) & set(BENCH):
        venvs.ensure(layout.MAIN_VENV, "bench", python, version)
    if arguments == ["venv"]:
        return 0
    prepare_stage()
    # One more than there are cores, since the steps also wait for servers.
    lanes = int(os.environ.get("REKEY_LANES") or min(3, 1 + (os.cpu_count() or 1)))
    keep_going = os.environ.get("REKEY_KEEP_GOING", "") not in ("", "0")
    return 0 if runner.run(select(arguments, version), lanes, keep_going) else 1


def prepare_stage() -> None:
    """Create the staged copy; report the time it took, as for every step."""
    started = time.monotonic()
    done = stage.stage()
    print(f"==> stage: {layout.shown(layout.STAGED)}: {done}, {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
