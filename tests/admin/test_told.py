"""What an agent is told, to the letter, with what it costs."""

import html
import re

import pytest

from calls.domain import persona
from calls.tools import registry
from tests import factories, factories_trade
from tests.admin.pages import address, text_of


@pytest.fixture
def agent(db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    business = factories_trade.make_open_business()
    factories_trade.make_service(business=business, name="Drain cleaning")
    return factories.make_agent(business=business, instructions="Mind the <dog> & the cat.")


def test_the_page_shows_the_instructions_to_the_letter(owner, agent):
    page = owner.get(address("agent", "told", agent.pk)).content.decode()

    shown = html.unescape(re.search(r'<pre class="told">(.*?)</pre>', page, re.DOTALL).group(1))
    assert shown == persona.instructions_for(agent=agent, caller="+15550100001", now=factories.RANG_AT)
    assert "Mind the <dog> & the cat." in shown


def test_the_estimate_is_called_one_and_is_a_quarter_of_the_letters(owner, agent):
    letters = len(persona.instructions_for(agent=agent, caller="+15550100001", now=factories.RANG_AT))

    page = text_of(owner.get(address("agent", "told", agent.pk)))

    assert f"Instructions, an estimate about {letters // 4} tokens" in page
    assert f"The estimate is the number of letters ({letters}) divided by four." in page
    assert "Last session, counted by OpenAI none yet" in page


def test_the_last_session_is_told_as_openai_counted_it(owner, agent):
    line = factories.make_line(agent=agent)
    factories.make_ended_call(line=line, input_tokens=4210, cached_tokens=3100, output_tokens=800)
    factories.make_ended_call(line=line, input_tokens=0)

    page = text_of(owner.get(address("agent", "told", agent.pk)))

    assert "The session of Nov 20, 10:04 AM took 4210 tokens in, 3100 of them cached, and 800 out" in page


def test_every_tool_is_named(owner, agent):
    page = owner.get(address("agent", "told", agent.pk)).content.decode()

    tools = re.search(r'<dl class="told-tools">(.*?)</dl>', page, re.DOTALL).group(1)
    assert re.findall(r"<dt>(.*?)</dt>", tools) == [tool["name"] for tool in registry.schemas()]


def test_the_page_of_the_agent_leads_there(owner, agent):
    page = owner.get(address("agent", "change", agent.pk)).content.decode()

    assert f'href="{address("agent", "told", agent.pk)}">What Cortana is told</a>' in page


def test_the_page_is_for_those_who_may_see_agents(client, agent):
    client.force_login(factories.make_staff("calls.view_call"))
    assert client.get(address("agent", "told", agent.pk)).status_code == 403
    client.force_login(factories.make_staff("calls.view_agent"))
    assert client.get(address("agent", "told", agent.pk)).status_code == 200
    assert client.get(address("agent", "told", 0)).status_code == 404
