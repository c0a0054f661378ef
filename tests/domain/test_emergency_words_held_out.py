"""More of what callers say in the daily talk of the trades, beside the list that the patterns were first made for.

When these lists were written, the patterns of then heard 37 of 53 dangers, none of 17 in Spanish, and alarmed for 10
of 47 near-misses.
"""

import pytest

from calls.domain.emergencies import words_alarm

DANGER = {
    # Gas
    "The gas detector is going off": "gas",
    "I think there's gas in my kitchen": "gas",
    "The gas alarm went off": "gas",
    "Gas alarm!": "gas",
    "My whole apartment smells like gas and I feel sick": "gas",
    "There's gas coming from the stove and I can't turn it off": "gas",
    "Somebody backed a truck into our gas meter": "gas",
    "The propane tank outside is hissing": "gas",
    "We smelled gas when we came home and it's still there": "gas",
    "It stinks of gas down here by the boiler": "gas",
    # Fire
    "Fire!": "fire",
    "There's a fire": "fire",
    "Someone call, smoke!": "fire",
    "My furnace just caught on fire": "fire",
    "The outlet behind the fridge is smoking": "fire",
    "I see flames under the car you're towing": "fire",
    "There's smoke in the garage and I don't know from where": "fire",
    "The air conditioner is making a burning smell and there is smoke": "fire",
    "My car is on fire on the side of the road": "fire",
    # Carbon monoxide
    "We're all getting headaches and the alarm is going off": "carbon_monoxide",
    "The carbon monoxide detector won't stop beeping": "carbon_monoxide",
    "I think it's carbon monoxide, my wife just passed out": "injury",
    "The CO alarm says evacuate": "carbon_monoxide",
    "My CO detector reads eighty and we have headaches": "carbon_monoxide",
    # Water
    "It's flooding": "water",
    "Raw sewage in my basement": "sewage",
    "Sewage is coming up through the bathtub": "sewage",
    "There's poop water coming up out of the floor drain": "sewage",
    "My basement is filling up with water": "water",
    "A pipe burst and water is going everywhere": "water",
    "Water's pouring through the kitchen ceiling": "water",
    "The washing machine hose blew off and I can't find the shutoff": "water",
    "I can't get the water to stop": "water",
    "There's two inches of water on my floor and it's rising": "water",
    "We have water gushing out of the wall": "water",
    "The toilet is overflowing and it won't stop": "water",
    "The water heater burst, it's all over the garage": "water",
    "The main broke and my yard is a lake": "water",
    "The ceiling just fell down from the leak": "water",
    # Water and electricity, shocks
    "Water is dripping into the fuse box": "water_near_electricity",
    "The breaker panel is sparking": "water_near_electricity",
    "There's water running down the light fixture": "water_near_electricity",
    "The outlets in the basement are under water": "water_near_electricity",
    "I get a shock every time I touch the faucet": "water_near_electricity",
    # People
    "My father got electrocuted touching the panel, he's not moving": "injury",
    "The boiler exploded and my husband is hurt": "injury",
    "My baby is locked in the car": "trapped",
    "My toddler is locked in the car and it's hot": "trapped",
    "I'm stuck in the elevator": "trapped",
    "My grandmother is locked in the bathroom and she fell": "trapped",
    # Cold
    "We have no heat and my baby is freezing": "no_heat",
    "The furnace quit, it's five degrees in here and my mother is ninety": "no_heat",
    "No heat since last night, there's a newborn in the house": "no_heat",
}
NEAR = [
    # Broken, and not dangerous
    "My water heater is broken, can somebody come on Tuesday?",
    "The toilet tank is broken",
    "I need a broken pipe looked at sometime next week",
    "The water heater is in the closet next to the electric panel",
    "I burned my dinner",
    "The valve under my sink broke.",
    "My garden hose split.",
    "The pilot light on my water heater is out.",
    "The kitchen faucet drips all night",
    "My AC is not cooling and it's hot in here",
    "The heat works fine but the thermostat is blank",
    "There's a small leak under the sink, a bucket takes care of it",
    "My drain is slow and smells a bit",
    "The water pressure in the shower is low",
    "The water is brown in the mornings",
    "My furnace makes a clicking noise when it starts",
    "The line for the dishwasher needs to be replaced",
    "The light in the laundry room flickers when the washer runs",
    "My water bill is high and I think the meter is off",
    # Planned work and questions
    "I'd like a new gas stove hooked up next week",
    "Do you put in carbon monoxide detectors?",
    "Can you swap the battery of my smoke alarm? It chirps",
    "How much is it to run a gas line to a grill?",
    "I want an outlet moved away from the sink",
    "Could you install a sump pump before it floods again in spring?",
    "I'd like a quote for a fire sprinkler system",
    "Is a burst pipe covered by my home insurance?",
    "What would it cost to replace a water main?",
    "We had a flood last year and want to waterproof the basement",
    "The fire department told us to have the furnace checked",
    "We fixed the gas leak already, I just need the inspection",
    "My smoke detectors are ten years old and need replacing",
    "Can you come look at my gas fireplace?",
    "We're remodeling and the panel has to be upgraded",
    # Locks and cars
    "I'm locked out of my car",
    "I locked my keys in the car at the mall",
    "My car is stuck in the snow and needs a tow",
    "The key broke off in the front door",
    "I need my spark plugs looked at and a tow to the shop",
    "My car ran out of gas on the highway",
    "The gas cap on my truck won't open",
    "My engine overheated yesterday, can you tow it to my mechanic?",
    # Manners of speaking
    "You guys are on fire, thanks for coming so fast",
    "I was shocked by that price",
    "It's freezing outside, are you open today?",
    "My phone died, sorry, what were you saying?",
    "I'm just drowning in work, can we do it next week?",
]
SPANISH_DANGER = {
    "Huele a gas en mi cocina": "gas",
    "Hay una fuga de gas": "gas",
    "Hay olor a gas en toda la casa": "gas",
    "Se está saliendo el gas de la estufa": "gas",
    "¡Fuego!": "fire",
    "¡Mi casa se está quemando!": "fire",
    "Hay un incendio en la cocina": "fire",
    "Está saliendo humo de la pared": "fire",
    "Hay mucho humo": "fire",
    "Suena la alarma de monóxido de carbono": "carbon_monoxide",
    "El detector de monóxido está sonando": "carbon_monoxide",
    "Se está inundando mi casa": "water",
    "Mi sótano está inundado": "water",
    "Se reventó una tubería": "water",
    "El agua está saliendo por todos lados": "water",
    "No puedo cerrar el agua": "water",
    "Salen aguas negras por la bañera": "sewage",
}
SPANISH_NEAR = [
    "Quiero instalar una estufa de gas",
    "¿Cuánto cuesta reparar una fuga de gas?",
    "El año pasado tuvimos una inundación",
    "No huele a gas",
    "Necesito un detector de humo nuevo",
    "El grifo gotea un poco",
    "¿Venden detectores de monóxido de carbono?",
    "Mi calentador de agua no funciona",
    "El baño tiene poca agua caliente",
    "Quiero una cita para el martes",
]
# Written before the patterns were widened for the lists above, and tried on them once, afterwards.
AFTERWARDS_DANGER = [
    "My gas meter is whistling and it smells awful",
    "We need someone right away, gas smell in the basement",
    "My daughter fainted next to the heater",
    "The carbon monoxide thing on the wall is screaming",
    "There's smoke coming out of my AC unit",
    "The wall is hot and I can smell something burning",
    "A car hit our building and broke the gas pipe",
    "My water heater just exploded",
    "The pipe in the attic burst and it's raining in my bedroom",
    "Water is shooting out of the wall where the faucet was",
    "I've got sewage all over my bathroom floor",
    "Our sewer is backing up into the tub",
    "The basement is flooded up to my knees",
    "My sump pump failed and the water keeps rising",
    "The breaker box is buzzing and sparks came out",
    "Water got into the electrical panel",
    "I just got shocked by the shower handle",
    "My kid locked himself in the bathroom and he's two",
    "I locked my keys and my baby in the car",
    "Heat's out and it's twenty below, we've got an infant here",
    "My kitchen is on fire please send somebody",
    "The dryer caught fire",
    "Toilet is overflowing all over the floor",
    "There's a huge leak and the ceiling is coming down",
    "Propane smell by the tank",
]
AFTERWARDS_NEAR = [
    "My dishwasher is leaking a little onto the floor",
    "Can you come give me an estimate on a new furnace",
    "The water heater is twelve years old and I want it replaced",
    "The toilet keeps running",
    "My bathtub drain is clogged",
    "Our outside faucet broke, no rush",
    "The AC blows warm air",
    "I need a new lock on my back door",
    "I need a tow from Main Street to Smith's garage",
    "My battery is dead and I need a jump",
    "The garbage disposal is humming",
    "I want to move the gas meter",
    "My thermostat says seventy but it feels colder",
    "Heater needs its annual tune up",
    "The heat pump is making a noise",
    "The smoke detector beeps once a minute",
    "There's no hot water since this morning",
    "I have a flat tire on the highway",
    "My shower head is leaking",
    "The ceiling has an old water stain",
    "I'd like somebody to check the outlets in my kitchen",
    "The switch for the disposal under the sink doesn't work",
    "Do you service gas fireplaces",
    "My boiler pressure is low",
    "Water is pooling around my AC unit a little",
    "The key is stuck in the ignition",
    "I'm stuck in traffic, can we push the appointment",
    "The fan makes a burning smell? no, it was just dust",
    "I broke my key in the door",
    "The pipe under the sink sweats",
]
# Dangers beside work that was done, and work beside words of danger. Written before what excuses a danger was narrowed;
# the patterns of then heard 13 of these 20 dangers and alarmed for 4 of the 20 others.
WORK_DONE_DANGER = [
    "The stove your man put in yesterday smells of gas",
    "I smell gas and I already have an appointment with you next week",
    "There's smoke coming out of the vent since the technician left",
    "You replaced our water heater last month and now water is pouring out of it",
    "I have a service contract with you and there is water coming through the ceiling",
    "The pipe my landlord fixed in the spring burst again",
    "My insurance wants a report but right now the basement is flooding",
    "The gas man tested the line this morning and I still smell gas",
    "The breaker you installed is sparking",
    "There's a burning smell coming from the panel you inspected last week",
    "The carbon monoxide alarm that came with the house is going off",
    "My neighbor said to call you, there is gas leaking in the hallway",
    "I know you charge for emergencies but my kitchen is on fire",
    "We bought the house two years ago and tonight sewage is coming up in the shower",
    "I can smell gas near the meter that was replaced",
    "How much would it cost to come right now, water is gushing out of the wall",
    "Is this the maintenance line, I smell gas",
    "My smoke alarm keeps going off and I can see smoke",
    "He was working on the wiring and got a shock and now he is not breathing",
    "The hose on the washer you sold me burst and there is water everywhere",
]
WORK_DONE_NEAR = [
    "We had a gas leak two years ago and want the line inspected",
    "My last plumber charged me three hundred for a burst pipe",
    "Do you repair pipes that burst in the winter",
    "I want to ask what you charge when a pipe has burst",
    "The gas smell was the trash, it is gone",
    "My smoke alarm went off last week because of the toast, it's fine",
    "You fixed our flooded basement last spring and we were very happy",
    "I'd like to schedule the yearly inspection of my carbon monoxide detectors",
    "I need a copy of the invoice for the burst pipe",
    "How do I bleed a radiator",
    "My knee is hurting so I can't climb up to the attic",
    "Does your warranty cover it if the heater leaks",
    "Can you tell me how to test a smoke detector",
    "My dad used to smell gas in the old house and it made him careful",
    "The tub overflowed last week but it's dry now",
    "We are thinking of a generator in case the power goes out when it floods",
    "I want to have the old fire damage in the kitchen repaired",
    "My daughter was locked in the bathroom last year so I want a different lock",
    "Do you sell alarms that go off when water comes into the basement",
    "There is a wet spot near the lamp, it's been there for months",
]
MOST_MISSED = 0.05
MOST_FALSE = 0.1


def test_lists_are_long_enough_to_mean_something():
    assert len(DANGER) >= 40
    assert len(NEAR) >= 40


@pytest.mark.parametrize(
    "dangers",
    [DANGER, SPANISH_DANGER, AFTERWARDS_DANGER, WORK_DONE_DANGER],
    ids=["English", "Spanish", "afterwards", "work done"],
)
def test_danger_is_heard(dangers):
    missed = [text for text in dangers if words_alarm(text) is None]

    assert len(missed) <= MOST_MISSED * len(dangers), missed


@pytest.mark.parametrize(
    "near",
    [NEAR, SPANISH_NEAR, AFTERWARDS_NEAR, WORK_DONE_NEAR],
    ids=["English", "Spanish", "afterwards", "work done"],
)
def test_daily_talk_rings_nobody(near):
    alarmed = {text: words_alarm(text) for text in near if words_alarm(text)}

    assert len(alarmed) <= MOST_FALSE * len(near), alarmed


@pytest.mark.parametrize(("text", "kind"), [*DANGER.items(), *SPANISH_DANGER.items()])
def test_what_is_heard_is_taken_for_what_it_is(text, kind):
    assert words_alarm(text) in (kind, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We fixed the gas leak already", None),
        ("You guys fixed our burst pipe", None),
        ("They replaced the gas line and I still smell gas", "gas"),
        ("You fixed my furnace and it smells like gas", "gas"),
        ("My pipe broke, can somebody come on Tuesday?", None),
        ("My pipe broke and the water is pouring through the ceiling, come on Tuesday?", "water"),
    ],
)
def test_only_what_was_mended_itself_or_can_wait_is_excused(text, kind):
    assert words_alarm(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "My water heater is broken, can somebody come on Tuesday?",
        "The toilet tank is broken",
        "I need a broken pipe looked at sometime next week",
        "The water heater is in the closet next to the electric panel",
        "I burned my dinner",
    ],
)
def test_sentence_that_once_rang_somebody_for_nothing_does_not(text):
    assert words_alarm(text) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The gas detector is going off", "gas"),
        ("Raw sewage in my basement", "sewage"),
        ("It's flooding", "water"),
        ("I think there's gas in my kitchen", "gas"),
        ("Fire!", "fire"),
    ],
)
def test_sentence_that_once_rang_nobody_rings_somebody(text, kind):
    assert words_alarm(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "I smell gas and the stove was replaced last week",
        "Water is pouring out of the pipe you guys replaced last month",
        "I smell gas from the furnace you installed",
        "There is smoke coming out of the furnace that you fixed last year",
        "The carbon monoxide detector you installed last year is going off",
        "My house is on fire and I don't know what to do",
        "I smell gas near the water heater installed two months ago",
        "The heater you repaired is sparking",
        "Water is gushing from the water heater under warranty",
        "There's a gas leak and I need a quote",
        "Can you send someone if I smell gas right now",
        "The pipe that was fixed last week burst again",
        "We smell gas in the house we moved to last month",
        "gas is leaking from the line we used to use",
        "The insurance company says water is pouring into the house",
        "I have a maintenance plan and my basement is flooding",
        "I think there is a gas leak from the stove we just installed",
        "my smoke alarm is going off and I smell something burning near the test button",
        "I called last week about the leak and now water is coming through the ceiling",
        "Do you handle gas leaks? I've got one right now.",
        "What should I do if I smell gas? Because I do.",
        "I never smelled gas before but now I do.",
        "My husband got shocked and he's not responding.",
        "I feel dizzy, all of us have headaches, and the furnace just came on.",
        "There's no way to stop the water.",
        "El horno que instalaron huele a gas",
        "Huele a gas y el tecnico vino la semana pasada",
    ],
)
def test_work_that_was_done_and_talk_of_business_excuse_no_danger_of_now(text):
    assert words_alarm(text)


@pytest.mark.parametrize(
    "text",
    [
        "My back is hurting so I can't do it.",
        "My wife is bleeding the radiators.",
        "How do I bleed a radiator? I tried bleeding it.",
        "I need somebody to look at a wet spot near the light in my ceiling.",
        "Our back yard has a leak near the lamp post.",
    ],
)
def test_words_that_sound_alike_ring_nobody(text):
    assert words_alarm(text) is None
