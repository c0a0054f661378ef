"""What danger sounds like in Spanish, in the same form as the English patterns; and what excuses it there."""

import re

from calls.domain.emergency_patterns import (
    CARBON_MONOXIDE,
    ELECTRICITY,
    FIRE,
    GAS,
    INJURY,
    SEWAGE,
    TRAPPED,
    WATER,
)

_ONE = r"(\w+ ){0,%d}"
_SOUNDS = r"(son(o|ando)|suena|esta sonando|no para|no deja|se activo|pita\w*)"
_PLACE = r"(casa|cocina|sotano|bano|cuarto|piso|garaje|apartamento|departamento|sala|edificio)"

_PATTERNS: list[tuple[str, str]] = [
    (INJURY, r"(no respira|no puede respirar|inconsciente|se desmayo|se electrocuto|electrocutad[oa]|sangrando)"),
    (CARBON_MONOXIDE, rf"{_SOUNDS} {_ONE % 4}monoxido"),
    (CARBON_MONOXIDE, rf"monoxido {_ONE % 4}{_SOUNDS}"),
    (CARBON_MONOXIDE, r"(fuga|hay|intoxica\w+|envenena\w+) (\w+ ){0,2}monoxido"),
    (GAS, rf"(huel\w*|olor|oler|apesta) {_ONE % 2}(a )?gas\b"),
    (GAS, r"(fuga|escape) de gas"),
    (GAS, rf"(sal(e|iendo)|escap\w+) {_ONE % 2}gas\b"),
    (GAS, rf"gas {_ONE % 3}(sal(e|iendo)|escap\w+|fuga)"),
    (GAS, rf"({_SOUNDS} {_ONE % 3}(alarma|detector) de gas|(alarma|detector) de gas {_ONE % 2}{_SOUNDS})"),
    (FIRE, r"^(ayuda |auxilio )?(fuego|incendio|humo)$"),
    (FIRE, rf"hay {_ONE % 2}(fuego|incendio|llamas|humo)\b"),
    (FIRE, r"(fuego|incendio) en (el|la|mi|un|una) "),
    (FIRE, r"(se (me )?(esta|estan|esta) (quem|incendi)ando|se incendio|en llamas)"),
    (FIRE, rf"(sal(e|en|iendo)|veo|huele a) {_ONE % 2}(humo|quemado|llamas)"),
    (ELECTRICITY, rf"(agua|goteando|mojad\w+) {_ONE % 6}(enchufe\w*|electric\w+|cables?|tomacorriente\w*|lampara)"),
    (ELECTRICITY, r"(chispas|me (dio|da) (un )?(toque|corriente|descarga))"),
    (SEWAGE, r"(sal\w*|sub\w*|lleno de|hay|inunda\w*) (\w+ ){0,3}(aguas negras|drenaje|cloaca)"),
    (SEWAGE, rf"(aguas negras|drenaje|cloaca) {_ONE % 3}(sal\w*|sub\w*|por (la|el))"),
    (WATER, r"(se (me )?(esta |estan )?(inund\w+)|esta (todo )?inundad[oa]|inundando)"),
    (WATER, rf"(tuberia|tubo|cano|caneria|manguera|calentador|boiler) {_ONE % 2}(se )?(revento|rompio|exploto)"),
    (WATER, rf"(revento|rompio|exploto) {_ONE % 2}(tuberia|tubo|cano|caneria|manguera|calentador)"),
    (WATER, r"agua (\w+ ){0,3}(por (todos lados|todas partes|el techo|la pared)|a chorros)"),
    (WATER, rf"no (puedo|podemos|se puede) (cerrar|parar|cortar) {_ONE % 3}(agua|llave|fuga)"),
    (
        TRAPPED,
        rf"(atrapad[oa]|encerrad[oa])s? {_ONE % 1}en (el|la|un|una|mi) "
        rf"(\w+ )?(carro|coche|auto|elevador|ascensor|{_PLACE})",
    ),
]

ALARMS = [(kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _PATTERNS]
DENIED = r"no|nunca|sin|tampoco|ningun\w*"
PAST = (
    r"(el|la) (ano|mes|semana|invierno|verano) pasad[oa]|hace (\w+ ){1,2}(anos?|meses|semanas)|ya (lo|la)? ?arregl\w+"
)
QUESTION = r"cuanto (cuesta|cobra\w*|vale|sale)|que hago si|en caso de|venden? "
BUSINESS = r"precio|cotizacion|presupuesto|instala\w*|repara[nr]|inspeccion\w*|revision|pilas?|baterias?"
