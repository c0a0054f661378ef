import pytest


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_person_who_types_the_bare_address_finds_the_admin(client, path):
    response = client.get(path)

    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("path", ["/twilio/voice/", "/twilio/after/"])
def test_address_of_twilio_is_never_redirected(client, path):
    assert client.post(path).status_code == 404
