import pytest
from django.conf import settings
from twilio.request_validator import RequestValidator


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_person_who_types_the_bare_address_finds_the_admin(client, path):
    response = client.get(path)

    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/twilio/voice/", "/twilio/after/"])
def test_address_of_twilio_with_a_slash_behind_is_the_same_and_never_redirected(client, path):
    """A slash that slipped into one of Twilio's fields costs no call; who has not signed is refused as without it."""
    assert [client.post(address).status_code for address in (path, path.rstrip("/"))] == [403, 403]


def test_a_call_to_an_address_with_a_slash_is_answered(client, transactional_db):
    url = f"{settings.PUBLIC_BASE_URL}/twilio/voice/"
    form = {"CallSid": "CA" + "7" * 32, "From": "+15550100001", "To": "+15550110001", "AccountSid": "AC" + "0" * 32}
    signature = RequestValidator(settings.TWILIO_AUTH_TOKENS[0]).compute_signature(url, form)

    answer = client.post("/twilio/voice/", form, headers={"X-Twilio-Signature": signature})

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")
