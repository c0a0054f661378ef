from calls.models.business import Agent, Business, PhoneLine
from calls.models.call import Call, CallEvent, Stream, ToolCall, Turn
from calls.models.work import Message

__all__ = ["Agent", "Business", "Call", "CallEvent", "Message", "PhoneLine", "Stream", "ToolCall", "Turn"]
