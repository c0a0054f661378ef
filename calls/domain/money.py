"""Money: amounts are Decimal in the currency of the business, and there is one rule by which they are rounded.

Every line of a quote is rounded to cents, half a cent up; sums are made of rounded lines, so that what stands on paper
adds up for whoever checks it.
"""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
UNITS = {
    "USD": ("$", "dollar", "dollars", "cent", "cents"),
    "CAD": ("CA$", "dollar", "dollars", "cent", "cents"),
    "AUD": ("A$", "dollar", "dollars", "cent", "cents"),
    "NZD": ("NZ$", "dollar", "dollars", "cent", "cents"),
    "EUR": ("€", "euro", "euros", "cent", "cents"),
    "GBP": ("£", "pound", "pounds", "penny", "pence"),
}


def to_cents(amount: Decimal) -> Decimal:
    """The amount as it stands on a line: two places, half a cent counts as a whole one."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def percent_of(amount: Decimal, percent: Decimal) -> Decimal:
    return to_cents(amount * percent / 100)


def hours_of(price_of_an_hour: Decimal, minutes: int) -> Decimal:
    return to_cents(price_of_an_hour * minutes / 60)


def spoken_money(amount: Decimal, currency: str) -> str:
    """As one says it: "89 dollars", "89 dollars and 50 cents", "12 cents"."""
    amount = to_cents(amount)
    if currency not in UNITS:
        return f"{_without_empty_cents(amount)} {currency}"
    _, one, many, small_one, small_many = UNITS[currency]
    whole, cents = divmod(int(amount * 100), 100)
    parts = [f"{whole:,} {one if whole == 1 else many}"] if whole or not cents else []
    if cents:
        parts.append(f"{cents} {small_one if cents == 1 else small_many}")
    return " and ".join(parts)


def spoken_range(amount: Decimal, amount_to: Decimal | None, currency: str) -> str:
    if amount_to is None or amount_to == amount:
        return spoken_money(amount, currency)
    return f"between {spoken_money(amount, currency)} and {spoken_money(amount_to, currency)}"


def written_money(amount: Decimal, currency: str) -> str:
    """As it stands on paper: "$1,089.50", "1,089.50 CHF"."""
    amount = to_cents(amount)
    return f"{UNITS[currency][0]}{amount:,}" if currency in UNITS else f"{amount:,} {currency}"


def written_range(amount: Decimal, amount_to: Decimal | None, currency: str) -> str:
    if amount_to is None or amount_to == amount:
        return written_money(amount, currency)
    return f"{written_money(amount, currency)} to {written_money(amount_to, currency)}"


def _without_empty_cents(amount: Decimal) -> str:
    return f"{amount:,}".removesuffix(".00")
