"""What an account owns, as REST shows it: its state, its numbers with their voice fields, whom it may ring on trial."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from calls.emulators.phone_leg import API_VERSION, new_sid
from calls.emulators.twilio_forms import Refused, known

_SIDS = {"VoiceApplicationSid": re.compile(r"AP[0-9a-f]{32}"), "TrunkSid": re.compile(r"TK[0-9a-f]{32}")}
_URLS = {"VoiceUrl": "voice_url", "VoiceFallbackUrl": "voice_fallback_url", "StatusCallback": "status_callback"}
_METHODS = {
    "VoiceMethod": "voice_method",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallbackMethod": "status_callback_method",
}
NUMBER_FIELDS = frozenset({*_URLS, *_METHODS, *_SIDS, "FriendlyName"})
NUMBER_FILTERS = frozenset({"PhoneNumber", "FriendlyName", "Beta", "Origin", "PageSize", "Page"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    status: Literal["active", "suspended", "closed"] = "active"
    type: Literal["Full", "Trial"] = "Full"
    verified: Sequence[str] = ()  # on trial nobody else can be rung


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedNumber:
    """A number of the account; its addresses may be what the vendor's own page would refuse, as people type them."""

    phone_number: str
    voice_url: str = "https://demo.twilio.com/welcome/voice/"
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    voice_application_sid: str = ""
    trunk_sid: str = ""
    friendly_name: str = ""
    takes_calls: bool = True
    sid: str = field(default_factory=lambda: new_sid("PN"))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def changed(number: OwnedNumber, pairs: Sequence[tuple[str, str]]) -> OwnedNumber:
    """The form of POST IncomingPhoneNumbers/{sid}."""
    changes: dict[str, Any] = {}
    for name, value in known(pairs, NUMBER_FIELDS).items():
        if name in _URLS:
            _demand_web_address(value)
            changes[_URLS[name]] = value
        elif name in _METHODS:
            if value not in {"GET", "POST"}:
                raise Refused(21403, f"Invalid Method: {value}")
            changes[_METHODS[name]] = value
        elif name in _SIDS:
            if value and not _SIDS[name].fullmatch(value):
                raise Refused(20001, f"{name} is not valid")
            changes |= {"voice_application_sid": "", "trunk_sid": ""}  # setting one deletes the other
            changes["trunk_sid" if name == "TrunkSid" else "voice_application_sid"] = value
        else:
            changes["friendly_name"] = value
    after = replace(number, **changes)
    if after.voice_fallback_url and not after.voice_url:
        raise Refused(21405, "Cannot set VoiceFallbackUrl without setting VoiceUrl")
    return after


def _demand_web_address(url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise Refused(21402, f"Invalid Url: {url}")


def matching(numbers: Sequence[OwnedNumber], wanted: Mapping[str, str]) -> list[OwnedNumber]:
    """The form of GET IncomingPhoneNumbers; PhoneNumber may be a part of the number."""
    if unknown := wanted.keys() - NUMBER_FILTERS:
        raise Refused(20001, f"unknown parameter {min(unknown)}")
    part, name = wanted.get("PhoneNumber", ""), wanted.get("FriendlyName")
    return [one for one in numbers if part in one.phone_number and name in {None, one.friendly_name}]


def as_account(account_sid: str, auth_token: str, state: AccountState) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{account_sid}"
    return {
        "sid": account_sid,
        "owner_account_sid": account_sid,
        "auth_token": auth_token,  # the vendor sends it indeed
        "friendly_name": "An emulated account",
        "status": state.status,
        "type": state.type,
        "date_created": format_datetime(datetime(2026, 1, 1, tzinfo=UTC)),
        "date_updated": format_datetime(datetime(2026, 1, 1, tzinfo=UTC)),
        "uri": f"{uri}.json",
        "subresource_uris": {
            "calls": f"{uri}/Calls.json",
            "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
        },
    }


def as_number(account_sid: str, number: OwnedNumber) -> dict[str, Any]:
    return {
        "sid": number.sid,
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "phone_number": number.phone_number,
        "friendly_name": number.friendly_name or number.phone_number,
        "voice_url": number.voice_url,
        "voice_method": number.voice_method,
        "voice_fallback_url": number.voice_fallback_url,
        "voice_fallback_method": number.voice_fallback_method,
        "voice_caller_id_lookup": False,
        "voice_receive_mode": "voice",
        "voice_application_sid": number.voice_application_sid or None,
        "trunk_sid": number.trunk_sid or None,
        "status_callback": number.status_callback,
        "status_callback_method": number.status_callback_method,
        "sms_url": "",
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "sms_application_sid": None,
        "capabilities": {"voice": number.takes_calls, "sms": True, "mms": True, "fax": False},
        "address_requirements": "none",
        "address_sid": None,
        "identity_sid": None,
        "bundle_sid": None,
        "beta": False,
        "origin": "twilio",
        "type": None,
        "status": "in-use",
        "emergency_status": "Active",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "date_created": format_datetime(number.created_at),
        "date_updated": format_datetime(number.created_at),
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{number.sid}.json",
    }


def as_caller_id(account_sid: str, number: str) -> dict[str, Any]:
    sid = f"PN{number.removeprefix('+'):0>32}"
    return {
        "sid": sid,
        "account_sid": account_sid,
        "friendly_name": number,
        "phone_number": number,
        "date_created": format_datetime(datetime(2026, 1, 1, tzinfo=UTC)),
        "date_updated": format_datetime(datetime(2026, 1, 1, tzinfo=UTC)),
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/OutgoingCallerIds/{sid}.json",
    }
