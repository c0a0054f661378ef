"""The documentation is held to the code: what it names exists, and what has to be named stands in it."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from calls.domain.explanation_causes import ABOUT
from calls.tools import registry

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def anchor(heading):
    """The name that a heading has in a link, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path):
    return [anchor(heading) for heading in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)]


def missing(path, link):
    target, _, fragment = link.partition("#")
    file = (path.parent / target) if target else path
    return not file.exists() or (fragment != "" and fragment not in anchors(file))


@page
def test_a_page_links_only_to_what_exists(path):
    links = re.findall(r"\]\(([^)]+)\)", path.read_text())

    assert [link for link in links if not link.startswith("https://") and missing(path, link)] == []


@page
def test_a_page_names_only_files_that_exist(path):
    named = re.findall(r"`((?:calls|voiceagent|tests|docs)/[\w./-]+)`", path.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []


@page
def test_a_page_names_only_commands_that_exist(path):
    text = path.read_text()
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    verbs = set(re.findall(r"^ {4}make ([a-z]+)|`make ([a-z]+)`", text, re.MULTILINE))

    assert {name for pair in verbs for name in pair if name} - set(targets) == set()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands()) == set()


@page
def test_a_page_names_only_addresses_that_the_server_has(path):
    """What a person pastes into Twilio's fields, and what the pages tell them to open."""
    text = path.read_text()
    paths = {
        *re.findall(r"(?:https|wss)://calls\.example\.com(/[\w/-]+)", text),
        *re.findall(r"`(/(?:twilio|diagnostic|healthz|readyz|admin|realtime)[\w/-]*)`", text),
    }

    assert [path for path in sorted(paths) if not resolves(path)] == []


def resolves(path):
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def test_every_tool_has_its_section():
    sections = re.findall(r"^## (.+)$", (ROOT / "docs" / "tools.md").read_text(), re.MULTILINE)

    assert sections == sorted(schema["name"] for schema in registry.schemas())


def test_every_cause_of_a_call_is_explained():
    text = (ROOT / "docs" / "explain_call.md").read_text()
    told = re.findall(r"^\| `([a-z_]+)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)

    assert told == [
        (cause.value, about.title, about.party.value, about.remedy or "–") for cause, about in ABOUT.items()
    ]


def test_every_permission_of_our_own_is_explained():
    own = [
        f"calls.{name}" for model in apps.get_app_config("calls").get_models() for name, _ in model._meta.permissions
    ]
    text = (ROOT / "docs" / "configuration.md").read_text()

    assert [name for name in own if f"`{name}`" not in text] == []
    assert own == ["calls.view_whole_numbers"]


def test_every_make_target_says_what_it_is_for():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    explained = re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE)

    assert sorted(explained) == sorted(set(targets) - {"announce", "data"})


def test_the_changelog_has_a_place_for_what_is_not_released():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "Unreleased"
