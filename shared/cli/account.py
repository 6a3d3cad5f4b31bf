"""A pytest plugin: at the end, what ran, what was left out and why."""

import os
import signal
from collections import Counter

import pytest

from shared.language import _

_TIERS = {"slow": "--all", "survival": "--survival"}


class Account:
    """Counts the tests that a tier kept out."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count tests by the tier that they belong to."""
        for item in items:
            tiers = [tier for tier in _TIERS if item.get_closest_marker(tier)]
            self.left_out[tiers[-1] if tiers else ""] += 1

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what is about to run by its tree: solutions, shared, grader."""
        self.ran.update(item.nodeid.split("/", 1)[0] for item in session.items)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the account."""
        terminalreporter.section(_("what ran, and what was left out"))
        checks = os.environ.get("ACADEMY_ACCOUNT")
        if checks:
            terminalreporter.line(checks)
        trees = ", ".join(f"{tree} {count}" for tree, count in sorted(self.ran.items()))
        terminalreporter.line(_("tests: {trees}").format(trees=trees or _("none")))
        for tier, count in sorted(self.left_out.items()):
            option = _TIERS.get(tier)
            asked = _("left out: {count} {tier} tests; ./academy test {option} runs them")
            unasked = _("left out: {count} tests that pytest's own options deselected")
            text = asked if option else unasked
            terminalreporter.line(text.format(count=count, tier=tier, option=option))
        skips = terminalreporter.stats.get("skipped", [])
        text = _("skipped: {count}, each with its reason above") if skips else _("skipped: none")
        terminalreporter.line(text.format(count=len(skips)))


def pytest_configure(config: pytest.Config) -> None:
    """Take part in the run."""
    # Started in the background by a shell, we and our children would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Account(), "academy-account")
