"""Which secrets may have signed a request of Twilio's; the arithmetic is the twilio package's own.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from collections.abc import Iterable, Mapping

from twilio.request_validator import RequestValidator, get_signature_algorithm

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"


class Verifier:
    """Knows the account's auth tokens (several while rotating) and its shared keys, by key id.

    Without a secret nothing is accepted; a blank one is none, since anybody could sign with it.
    """

    def __init__(self, tokens: Iterable[str], shared_keys: Mapping[str, str] | None = None) -> None:
        self._tokens = [token for token in tokens if token]
        self._shared_keys = {key: secret for key, secret in (shared_keys or {}).items() if secret}

    def accepts(self, urls: Iterable[str], parameters: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether one of the secrets signed `parameters` over one of `urls`. `headers` has lower-case names."""
        signature = headers.get(SIGNATURE, "")
        settings = headers.get(SETTINGS, "")
        algorithm = get_signature_algorithm(settings)
        try:
            return any(
                RequestValidator(secret).validate(url, parameters, signature, algorithm)
                for url in urls
                for secret in self._secrets(settings)
            )
        except ValueError:  # an address that is none, such as one with port 99999: nobody can have signed it
            return False

    def _secrets(self, settings: str) -> list[str]:
        """A request that names a shared key is checked with that key alone; any other with the auth tokens."""
        for part in settings.split(","):
            name, separator, value = part.partition("=")
            if separator and name.strip() == "key":
                return [secret for key, secret in self._shared_keys.items() if key == value.strip()]
        return self._tokens
