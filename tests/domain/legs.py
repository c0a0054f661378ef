"""Requests for TwiML, as the domain is told of them."""

from calls.twilio.webhook import IncomingCall
from tests import factories


def new_leg(**fields):
    """A call that has just begun to ring, on a number that is nobody's unless `to_number` says so."""
    standing = {
        "call_sid": factories.make_sid(),
        "account_sid": "AC" + "0" * 32,
        "from_number": "+15550100001",
        "to_number": "+15550109999",
        "forwarded_from": "",
        "is_outbound": False,
        "call_status": "ringing",
    }
    return IncomingCall(**standing | fields)


def leg(call, **fields):
    """A later request of a call that has a row."""
    standing = {
        "call_sid": call.call_sid,
        "account_sid": call.account_sid,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "is_outbound": call.direction == "outbound",
        "call_status": "in-progress",
    }
    return new_leg(**standing | fields)
