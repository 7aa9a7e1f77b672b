"""A failure is named when it happens: a run that is cut off, or a worker that is lost, would take its summary along."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter


class NamedAtOnce:
    """Writes the name of what failed between the dots, and the first line of why."""

    def __init__(self, terminal: TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name the test, the part of it that failed, and how long that took."""
        if not report.failed:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        why = (crash.message if crash else report.longreprtext).strip().splitlines() or [""]
        self._terminal.ensure_newline()
        self._terminal.write_line(f"✗ {report.nodeid} ({report.when}, {report.duration:.0f} s): {why[0]}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Only where something is printed: with workers, that is the process which gathers their reports."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(terminal, TerminalReporter):
        config.pluginmanager.register(NamedAtOnce(terminal), "failures-named-at-once")
