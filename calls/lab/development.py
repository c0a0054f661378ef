"""What `runserver` adds to daphne's: emulators for what is not set yet, and where to look."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from calls.lab import local, scratch
from calls.lab.calling import emulator_address
from calls.lab.processes import EmulatorChild, environment
from voiceagent import settings as project

RELOADED = "RUN_MAIN"  # set by Django's reloader for the process that serves


def is_reloaded() -> bool:
    return RELOADED in project.env.ENVIRON


@contextmanager
def surroundings() -> Iterator[None]:
    """Without a key a Realtime emulator answers; without a Twilio token only calls of this checkout are accepted."""
    with ExitStack() as stack:
        if not settings.TWILIO_AUTH_TOKENS:
            token = local.derived_token(settings.SECRET_KEY)
            _set("TWILIO_AUTH_TOKEN", token, setting="TWILIO_AUTH_TOKENS", value=[token])
        if not settings.OPENAI_API_KEY:
            base = Path(settings.BASE_DIR)
            log = base / "var" / "realtime-emulator.log"
            log.parent.mkdir(exist_ok=True)
            model = stack.enter_context(EmulatorChild(environment=environment(), log=log))
            _set("OPENAI_API_KEY", scratch.EMULATED_KEY)
            _set("OPENAI_REALTIME_URL", model.url)
            stack.callback(local.forget_emulator, base, model.url)
        yield


def note_emulator() -> None:
    """Tell the other commands of this checkout of the emulator; only now, as the port is ours and no other server's."""
    if settings.OPENAI_API_KEY == scratch.EMULATED_KEY:
        local.note_emulator(Path(settings.BASE_DIR), settings.OPENAI_REALTIME_URL)


def _set(name: str, text: str, *, setting: str = "", value: object = None) -> None:
    """For the process that the reloader will start, which reads its environment, and for this one, which has."""
    project.env.ENVIRON[name] = text
    setattr(settings, setting or name, text if value is None else value)


def say_where(port: str, tell: Callable[[str], None]) -> None:
    public = settings.PUBLIC_BASE_URL
    tell("")
    tell(f"  Admin                http://localhost:{port}/admin/")
    tell(f"  Twilio's voice field {public}/twilio/voice (a call comes in: webhook, HTTP POST)")
    if not public.startswith("https://"):
        tell("                       Twilio cannot reach this address yet: set PUBLIC_BASE_URL to your https address.")
    if emulator_address(settings.OPENAI_REALTIME_URL):
        tell(f"  The model            is scripted: a Realtime emulator at {settings.OPENAI_REALTIME_URL}.")
        tell("                       Set OPENAI_API_KEY in .env for the real one.")
    if local.derived_token(settings.SECRET_KEY) in settings.TWILIO_AUTH_TOKENS:
        tell("  Telephone network    emulated: without TWILIO_AUTH_TOKEN only calls placed from here are answered.")
    if settings.EMAIL_BACKEND == "calls.mail.FolderBackend":
        tell(f"  Letters              become files in {settings.EMAIL_FILE_PATH}: set EMAIL_URL for a mail server.")
    tell("  Place a call         make call")
    tell("")
