"""Customers, known by the number they call from."""

from collections.abc import Mapping

import phonenumbers

from calls.domain.handover import dialable
from calls.models import Business, Call, Customer


class NumberUnclear(Exception):
    """That is not a telephone number that could be called."""


class NumberNeeded(Exception):
    """The caller's number is withheld, so they have to give one."""


def calling_number(*, call: Call) -> str:
    """The other side's number as E.164; empty for an anonymous caller."""
    told = dialable(call.other_number)
    if not told:
        return ""
    try:
        return read_number(told, country="")
    except NumberUnclear:
        return ""


def read_number(text: str, *, country: str) -> str:
    """A number as it was said or typed, as E.164; without + it is read as one of `country`. Raises NumberUnclear."""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        raise NumberUnclear from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise NumberUnclear
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def number_for(*, call: Call, said: str) -> str:
    """The number that a caller wants to be known by: the one they said, else the one they call from.

    Raises NumberNeeded or NumberUnclear.
    """
    number = read_number(said, country=call.business.country) if said.strip() else calling_number(call=call)
    if not number:
        raise NumberNeeded
    return number


def is_theirs(*, call: Call | None, customer: Customer) -> bool:
    """Whether a call, or a person of the business where there was none, speaks for that customer."""
    return call is None or calling_number(call=call) == customer.number


def caller(*, call: Call) -> Customer | None:
    """Who is calling, if the business knows the number."""
    number = calling_number(call=call)
    return Customer.objects.filter(business=call.business_id, number=number).first() if number else None


def keep(*, business: Business, number: str, is_calling: bool, **told: str) -> Customer:
    """The customer of a number, with what was told of them: name, address, postal_code, email.

    Of somebody who is not calling from that number nothing is changed: a caller could claim any number. A blank
    tells nothing.
    """
    told = {name: value for name, value in told.items() if value}
    customer, is_new = Customer.objects.get_or_create(business=business, number=number, defaults=told)
    if not is_new and is_calling:
        _change(customer, {name: value for name, value in told.items() if getattr(customer, name) != value})
    return customer


def fill_in(*, business: Business, number: str, **told: str) -> Customer:
    """The customer of a number; what was not known of them is filled in, and nothing that was is changed."""
    told = {name: value for name, value in told.items() if value}
    customer, is_new = Customer.objects.get_or_create(business=business, number=number, defaults=told)
    if not is_new:
        _change(customer, {name: value for name, value in told.items() if not getattr(customer, name)})
    return customer


def _change(customer: Customer, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        setattr(customer, name, value)
    if values:
        customer.save(update_fields=list(values))
