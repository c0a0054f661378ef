import pytest

from calls.emulators import scenario
from calls.emulators.scenario import (
    Agent,
    Caller,
    Dtmf,
    Fault,
    HangUp,
    Say,
    Scenario,
    ScenarioError,
    ToolUse,
    Wait,
)

WHOLE = """
name: message
caller: {from: "+15550100001", to: "+15550109999"}
steps:
  - agent: {text: "Thanks for calling.", audio: greeting.ulaw}
  - say: {audio: leak.ulaw, text: "My tap is dripping."}
  - agent: {text: "One moment.", tool: take_message, arguments: {body: "tap"}, think_ms: 900}
  - say: {text: "Wait!", barge_in_ms: 700}
  - dtmf: "1"
  - wait_ms: 500
  - agent: {fault: stall}
  - hang_up: true
expect: {status: ended, tools: [take_message]}
"""


def written(tmp_path, text, name="message.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def steps_of(step):
    return scenario.parse({"steps": [step]}).steps


def test_a_file_becomes_a_scenario(tmp_path):
    loaded = scenario.load(written(tmp_path, WHOLE))

    assert loaded == Scenario(
        name="message",
        caller=Caller("+15550100001", "+15550109999"),
        steps=(
            Agent(text="Thanks for calling.", audio="greeting.ulaw"),
            Say(audio="leak.ulaw", text="My tap is dripping."),
            Agent(text="One moment.", tools=(ToolUse("take_message", {"body": "tap"}),), think_ms=900),
            Say(text="Wait!", barge_in_ms=700),
            Dtmf("1"),
            Wait(500),
            Agent(fault=Fault("stall")),
            HangUp(),
        ),
        expect={"status": "ended", "tools": ["take_message"]},
        folder=tmp_path,
    )


def test_each_emulator_finds_its_part(tmp_path):
    loaded = scenario.load(written(tmp_path, WHOLE))

    assert [step.text for step in loaded.agent_steps] == ["Thanks for calling.", "One moment.", ""]
    assert loaded.transcripts == ("My tap is dripping.", "Wait!")


def test_the_name_of_the_file_serves_when_none_is_given(tmp_path):
    assert scenario.load(written(tmp_path, "steps: []", "leak.yaml")).name == "leak"


@pytest.mark.parametrize(
    ("spoken", "fault"),
    [
        ({"fault": "stall"}, Fault("stall")),
        ({"fault": {"close": 1001}}, Fault("close", 1001)),
        ({"fault": "close: 1001"}, Fault("close", 1001)),
        ({"close": 1001}, Fault("close", 1001)),
        ({"fault": "close"}, Fault("close", 1011)),
        ({"error": "insufficient_quota"}, Fault("error", "insufficient_quota")),
        ({"fault": "error"}, Fault("error", "server_error")),
    ],
)
def test_a_fault_may_be_written_in_several_ways(spoken, fault):
    assert steps_of({"agent": spoken}) == (Agent(fault=fault),)


def test_a_response_may_call_several_tools():
    step = {"agent": {"tools": [{"tool": "a"}, {"tool": "b", "arguments": {"zip": "94110"}}]}}

    assert steps_of(step) == (Agent(tools=(ToolUse("a"), ToolUse("b", {"zip": "94110"}))),)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "scenario: a mapping is wanted, found []"),
        ({"stages": []}, "scenario: unknown stages"),
        ({"caller": {"number": "1"}}, "scenario: caller: unknown number"),
        ({"steps": "agent"}, "scenario: steps must be a list"),
        ({"steps": [{"whistle": 1}]}, "scenario: step 1: unknown whistle"),
        (
            {"steps": [{"dtmf": "1", "wait_ms": 5}]},
            "scenario: step 1: one of agent, say, dtmf, wait_ms, hang_up is wanted, found ['dtmf', 'wait_ms']",
        ),
        (
            {"steps": [{"agent": {}}]},
            "scenario: step 1 (agent): says nothing, calls nothing and fails at nothing",
        ),
        ({"steps": [{"agent": {"arguments": {}}}]}, "scenario: step 1 (agent): arguments without a tool"),
        ({"steps": [{"agent": {"fault": "sneeze"}}]}, "scenario: step 1 (agent): fault: unknown sneeze"),
        ({"steps": [{"agent": {"fault": {}}}]}, "scenario: step 1 (agent): one fault at a time"),
        ({"steps": [{"say": {}}]}, "scenario: step 1 (say): neither audio nor text"),
        (
            {"steps": [{"say": {"text": "Hi", "barge_in_ms": -1}}]},
            "scenario: step 1 (say): -1 is no number of milliseconds",
        ),
        ({"steps": [{"dtmf": "hello"}]}, "scenario: step 1 (dtmf): 'hello' are no keys of a telephone"),
        ({"steps": [{"wait_ms": None}]}, "scenario: step 1 (wait_ms): milliseconds are wanted"),
        ({"steps": [{"hang_up": False}]}, "scenario: step 1 (hang_up): only `hang_up: true` means something"),
    ],
)
def test_what_the_format_does_not_know_is_refused_with_its_place(document, message):
    with pytest.raises(ScenarioError) as refused:
        scenario.parse(document)

    assert str(refused.value) == message


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    with pytest.raises(ScenarioError):
        scenario.load(written(tmp_path, "steps: ["))


def test_a_scenario_is_found_by_name_and_by_file(tmp_path):
    path = written(tmp_path, WHOLE, "b.yaml")
    written(tmp_path, "name: other", "a.yaml")

    assert [loaded.name for loaded in scenario.load_folder(tmp_path)] == ["other", "message"]
    assert scenario.find("message", folder=tmp_path) == scenario.find(str(path))


def test_an_unknown_name_says_which_there_are(tmp_path):
    written(tmp_path, WHOLE)

    with pytest.raises(ScenarioError) as refused:
        scenario.find("massage", folder=tmp_path)

    assert str(refused.value) == f"no scenario 'massage' in {tmp_path}; there are: message"


def test_the_caller_in_the_instructions_picks_the_scenario():
    first, second = (
        Scenario(name="first", caller=Caller("+1555010000")),
        Scenario(name="second", caller=Caller("+15550100001")),
    )

    assert scenario.for_caller([first, second], "Caller: +15550100001\n") == second
    assert scenario.for_caller([first, second], "Caller: unknown") == first
    assert scenario.for_caller([first, second], "Caller: unknown", default="second") == second
    assert scenario.for_caller([], "Caller: +15550100001") is None


def test_a_sound_is_looked_for_beside_the_scenario_and_in_audio_folders(tmp_path):
    folder = tmp_path / "scenarios"
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "leak.ulaw").write_bytes(b"\xff")
    script = Scenario(name="message", folder=folder)

    assert script.audio_path("leak.ulaw") == tmp_path / "audio" / "leak.ulaw"
    with pytest.raises(ScenarioError):
        script.audio_path("nowhere.ulaw")
