"""What the code imports is what requirements.txt names: nothing that only comes along with something else."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent


def named(path):
    """The distributions that a file of requirements names, in PyPI's spelling."""
    names = re.findall(r"^[A-Za-z0-9][\w.-]*", path.read_text(), re.MULTILINE)
    return {normal(name) for name in names}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    """The top-level names of others' packages that calls/ and voiceagent/ import, wherever the line stands."""
    tops = set()
    for path in [*(ROOT / "calls").rglob("*.py"), *(ROOT / "voiceagent").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                tops |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                tops.add(node.module.partition(".")[0])
    return tops - sys.stdlib_module_names - {"calls", "voiceagent"}


def test_everything_that_is_imported_is_named():
    distributions, required = packages_distributions(), named(ROOT / "requirements.txt")

    unnamed = {top for top in imported() if not {normal(name) for name in distributions.get(top, [])} & required}
    assert unnamed == set()


def test_everything_that_is_named_is_locked():
    assert named(ROOT / "requirements.txt") - named(ROOT / "requirements.lock") == set()
    assert named(ROOT / "requirements-dev.txt") - named(ROOT / "requirements-dev.lock") == set()
