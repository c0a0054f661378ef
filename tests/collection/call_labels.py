"""What `explain_call` has to name for each call, written down before it was asked. It imports nothing."""

from typing import NamedTuple


class Label(NamedTuple):
    cause: str
    party: str


OURS = "our configuration"
SERVER = "our server"
OPENAI = "OpenAI"
TWILIO = "Twilio"
NETWORK = "the network"
CALLER = "the caller"
PERSON = "the person who was dialed"

FAULTY = {
    # OpenAI and the way to it
    "no_key": Label("no_key", OURS),
    "unknown_key": Label("bad_key", OURS),
    "handshake_401": Label("bad_key", OURS),
    "handshake_403": Label("key_not_allowed", OURS),
    "handshake_429": Label("rate_limit", OPENAI),
    "handshake_503": Label("openai_error", OPENAI),
    "handshake_hangs": Label("openai_hung", OPENAI),
    "account_deactivated": Label("account_closed", OURS),
    "no_credit": Label("quota", OURS),
    "no_credit_any_more": Label("quota", OURS),
    "model_shut_down": Label("model_unknown", OURS),
    "gateway_adds_the_beta_header": Label("beta_shape", OURS),
    "address_of_a_website": Label("bad_address", OURS),
    "nobody_at_the_address": Label("openai_unreachable", NETWORK),
    "settings_refused": Label("session_refused", OURS),
    "settings_never_answered": Label("openai_hung", OPENAI),
    "pcm_agreed_on": Label("wrong_audio_format", OPENAI),
    "pcm_sent": Label("wrong_audio_format", OPENAI),
    "never_speaks": Label("openai_silent", OPENAI),
    "falls_silent": Label("openai_silent", OPENAI),
    "ready_late": Label("openai_slow", OPENAI),
    "answers_late": Label("slow_answers", OPENAI),
    "line_cut_for_good": Label("openai_closed", OPENAI),
    "line_cut_and_resumed": Label("openai_closed", OPENAI),
    "second_call_with_a_bad_key": Label("bad_key", OURS),
    # Twilio, the network, the caller
    "forged_token": Label("stream_refused", SERVER),
    "start_never_comes": Label("stream_never_started", SERVER),
    "stream_cut": Label("stream_cut", NETWORK),
    "media_pauses": Label("sound_lost", NETWORK),
    "media_stops_for_good": Label("no_sound_from_twilio", TWILIO),
    "words_lost": Label("sound_lost", NETWORK),
    "webhook_by_get": Label("webhook_misset", OURS),
    "webhook_failed_at_first": Label("webhook_failed", SERVER),
    "caller_is_silent": Label("silent_caller", CALLER),
    "caller_leaves_in_silence": Label("hung_up_in_silence", OPENAI),
    "caller_leaves_in_the_greeting": Label("hung_up_early", CALLER),
    # our side
    "no_agent": Label("no_agent", OURS),
    "blocked_caller": Label("blocked_number", OURS),
    "too_many_calls": Label("capacity", OURS),
    "longest_time": Label("max_length", OURS),
    "tool_fails": Label("tool_failed", SERVER),
    "server_killed": Label("server_died", SERVER),
    "served_by_wsgi": Label("wrong_server", OURS),
    "nobody_takes_over": Label("not_transferred", PERSON),
    "hand_over_comes_back": Label("forwarding_loop", OURS),
}
NONE = Label("none", "nobody")
