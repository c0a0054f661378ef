"""A pytest plugin for `make proof`: a test that skips itself has proved nothing, so it fails."""

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and a proof must not be: {report.longrepr}"
    return report
