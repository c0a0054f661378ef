"""Businesses, agents and lines in the admin: refusals that explain, warnings that do not stand in the way."""

import html
import re

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from calls.models import Agent, Business, PhoneLine, Price
from tests import factories

BUSINESS = {
    "name": "Cedar Plumbing",
    "time_zone": "America/New_York",
    "country": "US",
    "email": "",
    "handover_number": "+1 212-555-0188",
    "address": "",
    "currency": "USD",
    "tax_percent": "8",
    "emergency_number": "911",
    "notice_minutes": "120",
    "horizon_days": "30",
    "buffer_minutes": "15",
    "slot_step_minutes": "30",
    "callbacks_a_day": "50",
}
ROWS_OF_A_BUSINESS = ("opening_hours", "opening_exceptions", "rota")
LINE = {"label": "", "answers": "always", "ring_seconds": "20"}
NO_HOURS = (
    "There are no opening hours: nothing can be booked, and Cortana cannot say when somebody is there. Enter them "
    "below."
)
NOBODY_ON_CALL = (
    "Nobody in the on-call rota has a telephone: in an emergency only the hand-over number can be rung. Enter "
    "technicians, then the rota below."
)
AUTOMATED = "Thanks for calling {business}. This is {agent}, a virtual assistant."


def agent_form(business, **fields):
    return {
        "business": business.pk,
        "name": "Juno",
        "language": "en",
        "voice": "marin",
        "greeting": AUTOMATED,
        "instructions": "",
        "model": "",
        "turn_detection": "server_vad",
        "vad_threshold": "0.5",
        "silence_ms": "500",
    } | fields


def test_the_calls_placed_in_a_day_are_entered_with_a_word_on_what_that_is(owner):
    business = factories.make_business()
    page = reverse("admin:calls_business_change", args=[business.pk])
    field = owner.get(page).context["adminform"].form["callbacks_a_day"]

    assert (field.label, field.help_text, field.value()) == (
        "Calls placed in a day, at most",
        "The most calls that are placed by themselves in a day; 0 places none.",
        50,
    )
    assert field.help_text in owner.get(page).content.decode()
    no_rows = {f"{name}-{part}_FORMS": "0" for name in ROWS_OF_A_BUSINESS for part in ("TOTAL", "INITIAL")}
    assert owner.post(page, BUSINESS | no_rows | {"callbacks_a_day": "7"}).status_code == 302
    assert Business.objects.get().callbacks_a_day == 7


def test_the_countries_of_callbacks_are_kept_as_codes_and_others_refused(owner):
    assert add(owner, "business", BUSINESS | {"name": "Cedar", "callback_countries": "ca, mx"})[0] == {}
    assert Business.objects.get().callback_countries == "CA MX"

    errors, _ = add(owner, "business", BUSINESS | {"name": "Elm", "callback_countries": "CA Canada"})
    assert errors["callback_countries"] == [
        "CANADA is not the code of a country. It has two capital letters, for example US or CA."
    ]


def add(client, model, data):
    """Post the form: its errors, and the warnings that were said after saving."""
    response = client.post(reverse(f"admin:calls_{model}_add"), data)
    if response.status_code == 302:
        said = [message for message in get_messages(response.wsgi_request) if message.level_tag == "warning"]
        return {}, [str(message) for message in said]
    return dict(response.context["adminform"].form.errors), []


def test_a_new_business_is_saved_with_its_number_in_one_form_and_told_what_comes_next(owner):
    assert add(owner, "business", BUSINESS | {"country": "us"}) == ({}, [NO_HOURS, NOBODY_ON_CALL])
    business = Business.objects.get()
    assert (business.handover_number, business.country) == ("+12125550188", "US")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (
            "time_zone",
            "Eastern",
            "There is no time zone named Eastern. It is written as Region/City, for example America/Chicago.",
        ),
        ("country", "XX", "XX is not the code of a country. It has two capital letters, for example US or CA."),
        (
            "handover_number",
            "212-555-0188",
            "Begin with + and the country code, for example +1 555 010 9999. 212-555-0188 alone cannot be dialed.",
        ),
        ("handover_number", "+1 212 555", "+1 212 555 has too few digits."),
    ],
)
def test_what_a_business_cannot_have_is_refused_beside_its_field(owner, field, value, sentence):
    assert add(owner, "business", BUSINESS | {field: value}) == ({field: [sentence]}, [])


def test_a_line_of_ours_as_hand_over_number_is_refused_beside_its_field(owner):
    factories.make_line(number="+12125550123")

    errors, _ = add(owner, "business", BUSINESS | {"handover_number": "+1 (212) 555-0123"})

    assert errors == {
        "handover_number": [
            "+12125550123 is the line of Cedar Plumbing that the agent answers: a caller who needs a person would come "
            "back to the agent. Enter the telephone of a person."
        ]
    }


def test_a_business_without_a_person_is_saved_with_a_warning(owner):
    assert add(owner, "business", BUSINESS | {"handover_number": ""}) == (
        {},
        [
            "There is no hand-over number: a caller who needs a person, or who calls while OpenAI cannot be reached, "
            "can only leave a voicemail.",
            NO_HOURS,
            NOBODY_ON_CALL,
        ],
    )


def test_the_hand_over_number_of_the_installation_stands_in_for_one_of_the_business(owner, settings):
    settings.HANDOVER_NUMBER = "+12125550188"

    assert add(owner, "business", BUSINESS | {"handover_number": ""}) == ({}, [NO_HOURS, NOBODY_ON_CALL])


def test_a_number_in_a_range_not_in_use_is_saved_with_a_warning(owner):
    assert add(owner, "business", BUSINESS | {"handover_number": "+15550108000"}) == (
        {},
        [
            "+15550108000 has the right length, but lies in a range that is not in use as far as is known. Is it a "
            "slip?",
            NO_HOURS,
            NOBODY_ON_CALL,
        ],
    )


def test_a_sensible_agent_is_saved_without_a_word(owner):
    business = factories.make_business()

    assert add(owner, "agent", agent_form(business, model="gpt-realtime-2.1-mini", voice="cedar")) == ({}, [])
    agent = Agent.objects.get()
    assert (agent.model, agent.voice) == ("gpt-realtime-2.1-mini", "cedar")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (
            "voice",
            "nova",
            "nova is a voice of the text-to-speech API; Realtime makes noise of it. Choose one of marin, cedar, alloy, "
            "ash, ballad, coral, echo, sage, shimmer, verse.",
        ),
        ("model", "gpt-4o-realtime-preview", "gpt-4o-realtime-preview was shut down in 2026. Use gpt-realtime-2.1."),
        ("model", "gpt-live-1", "gpt-live-1 cannot hold a Realtime conversation. Use gpt-realtime-2.1."),
        ("vad_threshold", "1.5", "Choose a value from 0 to 1: OpenAI knows no other threshold."),
        (
            "silence_ms",
            "100",
            "Choose a value from 200 to 2000: with less the agent cuts in, with more the caller thinks the line is "
            "dead.",
        ),
        ("greeting", "Hello {caller}", "{caller} cannot be filled in. Only {business} and {agent} can."),
    ],
)
def test_what_an_agent_cannot_work_with_is_refused_beside_its_field(owner, field, value, sentence):
    business = factories.make_business()

    assert add(owner, "agent", agent_form(business, **{field: value})) == ({field: [sentence]}, [])
    assert Agent.objects.count() == 0


def test_a_model_about_to_be_shut_down_is_saved_with_a_warning_and_refused_from_its_last_day(owner, time_machine):
    business = factories.make_business()
    time_machine.move_to("2026-11-20T12:00:00Z")
    assert add(owner, "agent", agent_form(business, model="gpt-realtime")) == (
        {},
        [
            "gpt-realtime will be shut down on 2027-01-20; from then on calls would fail. "
            "Change to gpt-realtime-2.1 before."
        ],
    )

    time_machine.move_to("2027-01-20T12:00:00Z")
    owner.force_login(factories.make_superuser())  # the session of November is over
    assert add(owner, "agent", agent_form(business, model="gpt-realtime")) == (
        {"model": ["gpt-realtime was shut down on 2027-01-20. Use gpt-realtime-2.1."]},
        [],
    )


def test_a_greeting_that_hides_the_machine_is_saved_with_a_warning(owner):
    business = factories.make_business()

    assert add(owner, "agent", agent_form(business, greeting="{business}, {agent} speaking.")) == (
        {},
        [
            "The greeting does not say that an automated or virtual assistant is speaking. In the European Union and "
            "in several states of the USA callers must be told."
        ],
    )


def test_a_model_without_a_price_is_warned_of_where_a_budget_is_counted_by_it(owner):
    def named_in(model):
        page = owner.get(reverse(f"admin:calls_{model}_changelist")).content.decode()
        return "Model without a price" in page

    Price.objects.filter(model="gpt-realtime-2", item="audio_out").delete()
    business = factories.make_business(budget_a_day="5.00")
    sentence = (
        "There is no price for gpt-realtime-2: the budget of Cedar Plumbing counts a guess for each minute. Enter the "
        "prices of its tokens under Prices."
    )

    assert add(owner, "agent", agent_form(business, model="gpt-realtime-2")) == ({}, [sentence])
    assert (named_in("agent"), named_in("business")) == (True, True)
    Business.objects.update(budget_a_day=None)
    assert (named_in("agent"), named_in("business")) == (False, False)
    factories.make_agent(business=factories.make_business(budget_a_day="5.00"))  # of the setting's model
    assert (named_in("agent"), named_in("business")) == (False, False)


def test_opening_an_agent_whose_voice_is_gone_changes_nothing(owner):
    agent = factories.make_agent(voice="nova")

    page = owner.get(reverse("admin:calls_agent_change", args=[agent.pk])).content.decode()

    options = re.findall(r'<option value="(\w+)"( selected)?>', page[page.index('id="id_voice"') :])
    assert options[0] == ("nova", " selected")
    assert "nova (cannot be used)" in page


def test_models_are_suggested_without_a_script_and_others_can_be_typed(owner):
    page = owner.get(reverse("admin:calls_agent_add")).content.decode()

    suggested = re.search(r'<datalist id="id_model_list">(.*?)</datalist>', page).group(1)
    assert re.findall(r'value="([^"]+)"', suggested) == [
        "gpt-realtime-2.1",
        "gpt-realtime-2.1-mini",
        "gpt-realtime-2",
        "gpt-realtime-1.5",
    ]
    assert 'list="id_model_list"' in page


def test_a_line_is_saved_with_its_agent(owner):
    agent = factories.make_agent()
    data = LINE | {"number": "+1 212 555 0123", "business": agent.business.pk, "agent": agent.pk}

    assert add(owner, "phoneline", data) == ({}, [])
    assert PhoneLine.objects.get().number == "+12125550123"


def test_a_line_without_an_agent_is_saved_with_a_warning(owner):
    data = LINE | {"number": "+12125550123", "business": factories.make_business().pk, "agent": ""}

    assert add(owner, "phoneline", data) == (
        {},
        ["No agent answers this line: its callers are put through to the hand-over number at once."],
    )


def test_the_number_of_a_person_is_refused_as_line(owner, settings):
    settings.HANDOVER_NUMBER = "+12125550199"
    business = factories.make_business(handover_number="+12125550188")
    data = LINE | {"business": business.pk, "agent": ""}

    of_business, _ = add(owner, "phoneline", data | {"number": "+12125550188"})
    of_installation, _ = add(owner, "phoneline", data | {"number": "+1 212 555 0199"})
    missing, _ = add(owner, "phoneline", data | {"number": ""})

    assert [of_business, of_installation, missing] == [
        {
            "number": [
                "+12125550188 is the hand-over number of Cedar Plumbing, the telephone of a person: as our own line it "
                "would send callers round in a circle. Change the hand-over number first."
            ]
        },
        {
            "number": [
                "+12125550199 is the HANDOVER_NUMBER of this installation, the telephone of a person. As our own line "
                "it would send callers round in a circle."
            ]
        },
        {"number": ["This field is required."]},
    ]


def test_the_lists_show_at_a_glance_what_to_look_at(owner, time_machine):
    time_machine.move_to("2026-11-20T12:00:00Z")
    owner.force_login(factories.make_superuser())
    business = factories.make_business(handover_number="")
    factories.make_agent(business=business, name="A", greeting="Hello.", model="gpt-realtime-mini", voice="nova")
    factories.make_agent(business=business, name="B", model="gpt-4o-realtime-preview")
    factories.make_line(business=business, number="+12125550123", without_agent=True)
    factories.make_line(business=business, number="+15550109999")

    def badges(model):
        page = owner.get(reverse(f"admin:calls_{model}_changelist")).content.decode()
        return [html.unescape(text) for text in re.findall(r'badge-warm" title="[^"]+">([^<]+)<', page)]

    assert badges("business") == ["No person to hand over to", "No opening hours", "Nobody on call", "No e-mail"]
    assert badges("agent") == [
        "Greeting hides the machine",
        "Model is shut down soon",
        "Voice cannot be used",
        "Model cannot be used",
    ]
    assert badges("phoneline") == ["No agent", "Number not in use?"]


def test_staff_who_may_only_look_can_open_every_form(client, db):
    line = factories.make_line()
    names = {"business": line.business, "agent": line.agent, "phoneline": line}
    client.force_login(factories.make_staff(*(f"calls.view_{name}" for name in names)))

    pages = [client.get(reverse(f"admin:calls_{name}_change", args=[row.pk])) for name, row in names.items()]

    assert [page.status_code for page in pages] == [200, 200, 200]
