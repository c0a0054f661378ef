"""HTTP routes. None is ever redirected, which would lose Twilio's form: so each is there with a slash behind, too."""

from django.urls import path

from calls.views import diagnostics, reaching, voice

urlpatterns = [
    path("twilio/voice", voice.incoming_call, name="twilio-voice"),
    path("twilio/stream", voice.incoming_call, name="twilio-stream"),
    path("twilio/after", voice.stream_action, name="twilio-after"),
    path("twilio/status", voice.call_status, name="twilio-status"),
    path("twilio/stream-status", voice.stream_status, name="twilio-stream-status"),
    path("twilio/fallback", voice.fallback, name="twilio-fallback"),
    path("twilio/recording", voice.recording, name="twilio-recording"),
    path("twilio/dial-done", voice.dial_action, name="twilio-dial-done"),
    path("twilio/whisper", reaching.whisper, name="twilio-whisper"),
    path("twilio/alert-status", reaching.alert_status, name="twilio-alert-status"),
    path("twilio/callback", reaching.callback, name="twilio-callback"),
    path("twilio/callback-status", reaching.callback_status, name="twilio-callback-status"),
    path("twilio/amd", reaching.machine_detection, name="twilio-amd"),
    path("twilio/message-status", reaching.message_status, name="twilio-message-status"),
    path("twilio/realtime", voice.not_a_webhook, name="twilio-realtime"),
    path("realtime", voice.not_a_webhook, name="realtime"),
    path("twilio/diagnostic", diagnostics.line, name="twilio-diagnostic"),
    path("diagnostic/openai", diagnostics.openai, name="openai-diagnostic"),
    path("healthz", diagnostics.healthz, name="healthz"),
    path("readyz", diagnostics.readyz, name="readyz"),
]
urlpatterns += [path(f"{route.pattern}/", route.callback) for route in urlpatterns]
