"""The pictures of a call as numbers for the template: places in percent, so that letters keep their size when the
picture is as narrow as a telephone, and colors by class, since the policy of these pages forbids styles."""

from dataclasses import dataclass

from calls.domain.explanation_facts import Facts
from calls.domain.explanation_pictures import Bar, Picture, pictures

LANE = 34
TOP = 6
AXIS = 22
LEAST_PERCENT = 0.5
TICKS = [250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000]
MOST_TICKS = 4
LAST_LABEL = 88  # a label that begins further to the right would be cut off


@dataclass(frozen=True, slots=True)
class DrawnBar:
    x: str
    width: str
    y: int
    whose: str


@dataclass(frozen=True, slots=True)
class DrawnLane:
    label: str
    value: str
    y: int
    bars: list[DrawnBar]


@dataclass(frozen=True, slots=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    title: str
    told: str
    height: int
    axis_y: int
    lanes: list[DrawnLane]
    ticks: list[Tick]


def drawings(facts: Facts) -> list[Drawing]:
    return [_draw(picture) for picture in pictures(facts)]


def _draw(picture: Picture) -> Drawing:
    lanes = [
        DrawnLane(
            lane.label,
            lane.value,
            y=TOP + LANE * number + 12,
            bars=[_bar(bar, picture, TOP + LANE * number + 18) for bar in lane.bars],
        )
        for number, lane in enumerate(picture.lanes)
    ]
    axis_y = TOP + LANE * len(lanes) + 2
    told = "; ".join(f"{lane.label}: {lane.value}" for lane in picture.lanes)
    return Drawing(picture.title, told, axis_y + AXIS, axis_y, lanes, _ticks(picture))


def _bar(bar: Bar, picture: Picture, y: int) -> DrawnBar:
    length = picture.end_ms - picture.start_ms
    start = min(max((bar.start_ms - picture.start_ms) / length * 100, 0), 100 - LEAST_PERCENT)
    width = min(max((bar.end_ms - bar.start_ms) / length * 100, LEAST_PERCENT), 100 - start)
    return DrawnBar(f"{start:.2f}%", f"{width:.2f}%", y, bar.whose)


def _ticks(picture: Picture) -> list[Tick]:
    length = picture.end_ms - picture.start_ms
    step = next((step for step in TICKS if length / step <= MOST_TICKS), TICKS[-1])
    marks = [(ms, ms / length * 100) for ms in range(0, length + 1, step)]
    return [Tick(f"{at:.2f}%", _moment(ms)) for ms, at in marks if at <= LAST_LABEL]


def _moment(ms: int) -> str:
    return f"{ms / 1000:g} s" if ms < 60_000 else f"{ms / 60_000:g} min"
