"""Whatever a model passes to a tool, it gets an answer: no exception leaves the layer, and none is even met inside."""

import asyncio
import itertools
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from calls.tools import registry
from calls.tools.registry import ToolContext
from tests.factories import RANG_AT, make_call
from tests.factories_trade import (
    make_answer,
    make_area,
    make_booking,
    make_customer,
    make_hours,
    make_on_call,
    make_service,
    make_technician,
)

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = [
    "",
    " ",
    "\x00",
    "before\x00after",
    "\ud800",
    "\u202egnirts",
    "'; DROP TABLE calls_booking; --",
    "../../../../etc/passwd",
    "robert@example.com\r\nBcc: everybody@example.com",
    "<script>alert(1)</script>",
    "=HYPERLINK(A1)",
    "{{ settings.SECRET_KEY }}",
    "%s%n{0}{}",
    "٣" * 5,
    "９" * 10,
    "é" * 300,
    "9" * 400,
    "-1",
    "1e999",
    "NaN",
    "null",
    "\U0001f6bf" * 40,
    "x" * 5000,
]
NO_JSON = ["", "{", "[" * 19_000, "[" * 900 + "]" * 900, '{"a":' * 3_000, "\ud800", "1" * 19_999, '{"a": Infinity}']
PLAUSIBLE = [
    "Drain cleaning",
    "12207",
    "Albany",
    "robert@example.com",
    "+15550100001",
    "+1 (518) 555-0123",
    "911",
    "2026-11-24T09:00",
    "2026-11-24",
    "2027-03-14T02:30",
    "9999-12-31T23:59",
    "0000-00-00T00:00",
    "09:00",
    "24:60",
    "2026-11-24T14:00Z/1",
    "2026-11-24T14:00Z/999999999999999999",
    "9999-12-31T23:55Z/1",
    "tomorrow",
    "next friday",
    "soonest",
    "Robert Miller",
    "12 Elm Street",
    "gas",
    "Are you licensed?",
    "yes, call me back",
]
USUAL = {
    "service": ["Drain cleaning"],
    "postal_code": ["12207"],
    "town": ["Albany"],
    "address": ["12 Elm Street", "robert@example.com"],
    "email": ["robert@example.com"],
    "slot": ["2026-11-25T15:00Z/1", "2026-11-26T16:00Z/1", "2026-11-27T17:00Z/1"],
    "day": ["tomorrow", "soonest", "next friday"],
    "name": ["Robert Miller"],
    "number": ["+15550100001"],
    "local_time": ["2026-11-24T09:00", "2026-11-28T22:30"],
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(HOSTILE) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def weighed(*strategies):
    """One of them, each as often as it stands here; `one_of` would weigh the parts of which they are made."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


def fitting(schema, name=""):
    """Values that fit the schema, or nearly; half of them what a call really brings, so that others get far."""
    if name in USUAL:
        return weighed(st.sampled_from(USUAL[name]), fitting(schema))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type", "string")
    if kind == "string":
        texts = st.sampled_from(PLAUSIBLE) | st.sampled_from(HOSTILE) | st.text(max_size=min(schema["maxLength"], 40))
        return st.from_regex(schema["pattern"], fullmatch=True) | texts if "pattern" in schema else texts
    if kind == "array":
        return st.lists(fitting(schema["items"]), max_size=4)
    if kind == "object":
        return st.fixed_dictionaries({}, optional={k: fitting(v) for k, v in schema["properties"].items()})
    numbers = st.integers(schema.get("minimum", -(2**70)), schema.get("maximum", 2**70))
    return st.booleans() if kind == "boolean" else numbers | st.sampled_from([0, 1, 1.0, 2.5, float("nan")])


def of_tool(schema):
    """Arguments of a tool: mostly of its own names, sometimes with values of any kind."""
    given_names = schema["parameters"]["properties"]
    required = {name: fitting(given_names[name], name) for name in schema["parameters"]["required"]}
    optional = {name: fitting(value, name) for name, value in given_names.items() if name not in required}
    well_formed = st.fixed_dictionaries(required, optional=optional)
    wrong = st.fixed_dictionaries({}, optional=dict.fromkeys([*given_names, "price", "discount"], anything))
    documents = weighed(well_formed, well_formed, well_formed, well_formed, wrong, anything).map(json.dumps)
    texts = weighed(*[documents] * 9, st.sampled_from(NO_JSON))
    return st.tuples(st.just(schema["name"]), texts)


arguments = weighed(*[of_tool(schema) for schema in registry.schemas()])


def make_house():
    """A business with something of everything, so that arguments get far; gives calls to it, a new one now and then."""
    line = make_call().line
    business = line.business
    make_hours(business=business)
    service = make_service(business=business, name="Drain cleaning", pk=1)
    technician = make_technician(business=business)
    make_on_call(technician=technician)
    make_area(business=business, value="12207", travel_fee="15.00")
    make_area(business=business, kind="town", value="Albany")
    make_answer(business=business, question="Are you licensed?")
    customer = make_customer(business=business, number="+15550100001")
    make_booking(service=service, technician=technician, customer=customer)
    for number in itertools.count():
        call = make_call(line=line, from_number=("+15550100001", "+15550100002", "anonymous", "")[number % 4])
        yield from itertools.repeat(call, 40)


def throw(examples, caplog, **more):
    """Pass `examples` argument sets to the tools; gives how often each kind of answer came."""
    calls, came = make_house(), {"ok": 0, "refused": 0}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **more,
    )
    @given(arguments)
    def one(thrown):
        name, text = thrown
        answer = runner.run(registry.run(ToolContext(next(calls).pk, RANG_AT), name, text))
        assert answer.status in came, (name, text, [record.exc_text for record in caplog.records])
        assert isinstance(json.loads(answer.text), dict)
        assert answer.status == "ok" or answer.result["error"] != ""
        came[answer.status] += 1

    with asyncio.Runner() as runner:
        one()
    return came


def test_garbage_is_answered(caplog):
    came = throw(500, caplog, derandomize=True)

    assert (sum(came.values()), min(came.values()) > 20, caplog.records) == (500, True, [])


@pytest.mark.proof
def test_ten_thousand_sets_of_garbage_are_answered(caplog):
    came = throw(10_000, caplog)

    assert (sum(came.values()), min(came.values()) > 1_000, caplog.records) == (10_000, True, [])
