"""No story is told in vain."""

from pathlib import Path

from calls.emulators import scenario as scenarios
from tests.journeys.stories.conftest import FOLDER


def test_every_story_is_played():
    played = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_all.py")

    assert [story.name for story in scenarios.load_folder(FOLDER) if f'"{story.name}"' not in played] == []
