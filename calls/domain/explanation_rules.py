"""The rules, in the order in which they are asked: the first that finds something names the cause of a call.

What kept the agent away comes first, then what broke the call, then what a caller noticed in a call that went on, and
after that what somebody wanted: a caller who leaves early may have left for one of the faults before. A rule says only
what the rows show.
"""

from collections.abc import Callable

from calls.domain import explanation_course as course
from calls.domain import explanation_door as door
from calls.domain import explanation_openai as openai
from calls.domain.explanation_facts import Facts
from calls.domain.explanation_openai import Found

Rule = Callable[[Facts], Found | None]

RULES: tuple[Rule, ...] = (
    door.blocked,
    door.loop,
    door.without_database,
    door.obstacle,
    door.over_limit,
    door.not_reached,
    door.refused_stream,
    door.broken,
    course.server_died,
    door.webhook_failed,
    door.never_started,
    door.wrong_stream,
    openai.wrong_format,
    openai.gave_no_service,
    course.lost_stream,
    course.draining,
    course.hung_up_in_silence,
    course.not_transferred,
    openai.came_back,
    course.tool_failed,
    course.tool_slow,
    openai.failed_once,
    course.server_slow,
    openai.ready_late,
    course.stream_slow,
    course.waited_at_the_end,
    openai.slow_answers,
    course.thrown_away,
    course.sound_lost,
    course.misset,
    door.hung_up_early,
    course.too_long,
    course.silent,
    course.hung_up_early,
    course.unexplained,
)
