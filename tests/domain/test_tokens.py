"""The token in the TwiML belongs to one call and one nonce."""

from hypothesis import given
from hypothesis import strategies as st

from calls.domain import tokens

CALL = {"secret_key": "secret", "call_sid": "CA1", "nonce": "9c32"}


def test_a_token_is_256_bits_of_letters_that_need_no_escaping():
    """The signature of `CA1|9c32`, computed with openssl."""
    assert tokens.mint(**CALL) == "lW34ysFR8UreYdqhhBECBiPV3iAvlc-YLbycRU-40yQ"


def test_a_token_matches_its_call_and_nonce():
    assert tokens.matches(**CALL, token=tokens.mint(**CALL))


def test_a_token_of_another_call_nonce_or_key_does_not_match():
    for other in ({"call_sid": "CA2"}, {"nonce": "9c33"}, {"secret_key": "other"}):
        assert not tokens.matches(**CALL, token=tokens.mint(**CALL | other))


def test_a_call_without_nonce_has_no_token():
    """A row that was never answered must not let in what anybody could compute for a blank nonce."""
    blank = CALL | {"nonce": ""}

    assert not tokens.matches(**blank, token=tokens.mint(**blank))


@given(st.text(st.characters(), max_size=80))
def test_no_other_text_matches(token):
    assert not tokens.matches(**CALL, token=token)
