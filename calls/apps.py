from django.apps import AppConfig
from django.conf import settings


class CallsConfig(AppConfig):
    name = "calls"
    verbose_name = "Receptionist"

    def ready(self) -> None:
        from calls import checks, database, mail, telephone  # noqa: F401, PLC0415 - models are not ready before this point
        from calls.domain import outside  # noqa: PLC0415
        from calls.tools import registry  # noqa: PLC0415

        database.configure(threads=settings.DB_THREADS)
        registry.load()
        outside.configure(
            default_number=telephone.default_number,
            page_of_call=mail.page_of_call,
            escalate=telephone.escalate_at_once,
            stop_ringing=telephone.stop_ringing_at_once,
        )
