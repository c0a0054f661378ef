"""The set-up that is examined, as values: where it is reached, and with which keys."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Site:
    """What the checks know of the settings. Secrets never stand in its repr, nor addresses, which may hold one."""

    public_base_url: str = field(default="http://localhost:8000", repr=False)
    port: int = 8000
    debug: bool = False
    allowed_hosts: tuple[str, ...] = ()
    installed_apps: tuple[str, ...] = ("calls", "daphne", "django.contrib.staticfiles")
    append_slash: bool = False
    malformed: tuple[tuple[str, str], ...] = ()
    """Variables that cannot be read, each with what is wanted; the settings above and below are then the defaults."""
    misspelt: tuple[tuple[str, str], ...] = ()
    """Variables that are not set, each with one in the environment whose name is nearly the same."""
    secret_key: str = field(default="", repr=False)
    openai_key: str = field(default="", repr=False)
    openai_url: str = field(default="wss://api.openai.com/v1/realtime", repr=False)
    openai_model: str = "gpt-realtime-2.1"
    twilio_account: str = ""
    twilio_tokens: tuple[str, ...] = field(default=(), repr=False)
    twilio_api_url: str = field(default="https://api.twilio.com", repr=False)
    twilio_shared_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    checkout_token: str = field(default="", repr=False)
    """What signs the calls that are placed from this checkout, where `runserver` has no token of Twilio's."""
    twilio_signature: str = "enforce"
    handover_number: str = ""
    diagnostic_token: str = field(default="", repr=False)
    letters_folder: str = ""
    """Where letters become files; blank when a mail server takes them."""
    mail_server: str = ""
    """Its host; blank when there is none."""
    data_folder: str = ""
    own_instance: str | None = None
    """The instance id of this process when it is itself the server; a command has none."""
    other_secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_settings(cls, settings: Any, *, serving: bool) -> "Site":
        """`serving` when this process is the server itself, as in a view."""
        database = settings.DATABASES["default"]
        return cls(
            public_base_url=settings.PUBLIC_BASE_URL,
            port=settings.PORT,
            debug=settings.DEBUG,
            allowed_hosts=tuple(settings.ALLOWED_HOSTS),
            installed_apps=tuple(settings.INSTALLED_APPS),
            append_slash=settings.APPEND_SLASH,
            malformed=tuple(settings.MALFORMED.items()),
            misspelt=tuple(settings.MISSPELT.items()),
            secret_key=settings.SECRET_KEY,
            openai_key=settings.OPENAI_API_KEY,
            openai_url=settings.OPENAI_REALTIME_URL,
            openai_model=settings.OPENAI_REALTIME_MODEL,
            twilio_account=settings.TWILIO_ACCOUNT_SID,
            twilio_tokens=tuple(settings.TWILIO_AUTH_TOKENS),
            twilio_api_url=settings.TWILIO_API_BASE_URL,
            twilio_shared_keys=tuple(settings.TWILIO_SHARED_KEYS.items()),
            twilio_signature=settings.TWILIO_SIGNATURE,
            handover_number=settings.HANDOVER_NUMBER,
            diagnostic_token=settings.DIAGNOSTIC_TOKEN,
            letters_folder=settings.EMAIL_FILE_PATH if settings.EMAIL_BACKEND.endswith("FolderBackend") else "",
            mail_server=settings.EMAIL_HOST if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") else "",
            data_folder=str(settings.DATA_DIR),
            own_instance=settings.INSTANCE_ID if serving else None,
            other_secrets=(
                str(database.get("PASSWORD") or ""),
                str(settings.EMAIL_HOST_PASSWORD or ""),
            ),
        )

    @property
    def secrets(self) -> list[str]:
        """Everything that may never be shown, passwords inside addresses among it."""
        inside = [
            part for url in (self.public_base_url, self.openai_url, self.twilio_api_url) for part in _secret_parts(url)
        ]
        shared = [secret for _, secret in self.twilio_shared_keys]
        own = [self.secret_key, self.checkout_token, self.diagnostic_token, *self.other_secrets]
        return [self.openai_key, *self.twilio_tokens, *shared, *own, *inside]

    @property
    def local_base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _secret_parts(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        return [part for part in (parts.username, parts.password, parts.query) if part]
    except ValueError:
        return [url]
