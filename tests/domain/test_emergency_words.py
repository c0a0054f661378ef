"""What callers say when they are in danger, and what only sounds like it."""

import pytest

from calls.domain.emergencies import words_alarm

TRUE = {
    "I smell gas in my kitchen.": "gas",
    "There's a really strong odor of gas in the hallway, what should I do?": "gas",
    "It smells like rotten eggs next to the furnace.": "gas",
    "I think the gas line is leaking, I can hear it hissing.": "gas",
    "My son hit the gas pipe with a drill!": "gas",
    "Help, my house is on fire!": "fire",
    "There are flames coming out of the water heater": "fire",
    "Smoke is coming out of the wall behind the stove.": "fire",
    "There's a burning smell from the breaker box and it's hot.": "fire",
    "The dryer is smoking, I don't know what to do": "fire",
    "My carbon monoxide alarm keeps going off.": "carbon_monoxide",
    "The CO detector is beeping and won't stop.": "carbon_monoxide",
    "We all feel dizzy since the furnace came on this morning.": "carbon_monoxide",
    "Water is dripping into the electrical panel.": "water_near_electricity",
    "The basement is flooded and the outlets are under water.": "water_near_electricity",
    "There's water running out of the light fixture in the ceiling": "water_near_electricity",
    "Sparks are flying from the outlet by the sink!": "water_near_electricity",
    "I get a shock every time I touch the faucet.": "water_near_electricity",
    "My husband got electrocuted, he's on the floor": "injury",
    "She passed out down there, please hurry.": "injury",
    "A pipe just burst and there's water everywhere.": "water",
    "We've got a burst pipe upstairs and it's coming through the ceiling": "water",
    "Water is pouring through my ceiling.": "water",
    "My basement is flooding right now!": "water",
    "I can't shut the water off, the valve is broken.": "water",
    "There's two feet of water in the cellar and it's rising.": "water",
    "Raw sewage is coming up through the bathtub.": "sewage",
    "We have no heat and a newborn baby, it's five degrees outside.": "no_heat",
    "The furnace died and it's freezing in here with my elderly mother.": "no_heat",
    "My toddler is locked in the bathroom and the tub is running": "trapped",
}
NEAR_MISSES = [
    "I'd like a quote for a new gas stove.",
    "How much do you charge for running a gas line?",
    "No, I don't smell gas, I just want it serviced.",
    "My gas bill was really high last month.",
    "I'm right next to the gas station on Fifth.",
    "Do you clean fireplaces?",
    "The fire department inspected it last year.",
    "I need new batteries for my carbon monoxide detector.",
    "Can you install a CO detector in the hallway?",
    "We had a burst pipe last winter, it's all fixed now.",
    "What do you charge for a burst pipe?",
    "My kitchen tap is dripping.",
    "The toilet runs all night.",
    "I'm flooded with work this week.",
    "If I smell gas, who should I call?",
    "Do you handle flooding in basements?",
    "My boss fired me yesterday, so money is tight.",
    "The hot water takes forever to come.",
    "I have a burning question about your warranty.",
    "We need a spark plug for the generator.",
    "My neighbor's house caught fire two years ago.",
    "It's not an emergency, there's no leak or anything.",
    "Could you inspect the electrical panel before we buy the house?",
    "The water heater is ten years old and I want to replace it.",
    "I'd like someone to look at the heat pump in spring.",
    "We want flood lights in the yard.",
    "There isn't any smoke, it just makes a noise.",
    "That price gave me sticker shock.",
    "Your ad says you do sewer lines, is that right?",
    "The drain in the shower is slow.",
]


@pytest.mark.parametrize(("words", "kind"), TRUE.items())
def test_danger_is_heard_with_its_kind(words, kind):
    assert words_alarm(words) == kind


def test_at_most_three_of_thirty_near_misses_alarm():
    """Recall is complete above; here the false alarms are counted."""
    assert len(NEAR_MISSES) == len(TRUE) == 30
    assert [words for words in NEAR_MISSES if words_alarm(words)] == []


@pytest.mark.parametrize("words", ["", "   ", "?!", "\x00", "é" * 5000, "no " * 3000])
def test_whatever_stands_in_a_transcript_is_read(words):
    assert words_alarm(words) is None


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("I don't know, I smell gas.", "gas"),
        ("We had a burst pipe last winter, and now the basement is flooding again.", "water"),
        ("How much does it cost? There's smoke coming from the outlet!", "fire"),
        ("It's not the furnace but my carbon monoxide alarm is going off.", "carbon_monoxide"),
        ("¡I SMELL GAS!", "gas"),
    ],
)
def test_another_clause_excuses_nothing(words, kind):
    assert words_alarm(words) == kind
