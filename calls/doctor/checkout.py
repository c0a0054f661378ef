"""What `runserver` puts in the place of keys that are not set, for a doctor that looks at it from beside."""

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from calls.doctor.caller import TestCall
from calls.doctor.configuration import host_of, is_local
from calls.doctor.exchange import Unreachable
from calls.doctor.site import Site
from calls.doctor.visit import is_ours, is_web_address
from calls.lab import local, scratch


async def as_served_here(site: Site, *, secret_key: str, base: Path) -> Site:
    """The set-up of the development server that runs from the checkout at `base`; `site` as it is when none does.

    Where a public address is set, a key that is missing stays missing: Twilio and its callers need the real one.
    """
    if not is_web_address(site.public_base_url) or not is_local(host_of(site.public_base_url)):
        return site
    if not site.twilio_tokens and not site.twilio_shared_keys:
        signing = replace(site, checkout_token=local.derived_token(secret_key))
        site = signing if await _is_accepted(signing) else site
    emulator = "" if site.openai_key else local.noted_emulator(base)
    if emulator and await is_ours(site.local_base_url):
        site = replace(site, openai_key=scratch.EMULATED_KEY, openai_url=emulator)
    return site


async def _is_accepted(site: Site) -> bool:
    """Whether the server takes our signature; asked by the end of a call that never was, which changes nothing."""
    try:
        return (await TestCall(site, to="").hang_up()).status == HTTPStatus.NO_CONTENT
    except Unreachable:
        return False
