from calls.models.business import Agent, Business, PhoneLine
from calls.models.call import Call, CallEvent, Stream, ToolCall, Turn
from calls.models.doctor_run import DoctorRun, WorkerPulse
from calls.models.edge import ListedNumber, LoginBucket, Price
from calls.models.greeting import KeptGreeting
from calls.models.hours import OpeningException, OpeningHours, Weekday
from calls.models.outbox import OutgoingEmail, OutgoingMessage
from calls.models.people import Customer, OnCall, Technician, TimeOff, WorkingHours
from calls.models.server import Server
from calls.models.trade import KnownAnswer, Service, ServiceArea, Skill
from calls.models.work import (
    Booking,
    Callback,
    CallbackAttempt,
    Emergency,
    EmergencyAlert,
    Message,
    Quote,
    QuoteLine,
    TakenTime,
)

__all__ = [
    "Agent",
    "Booking",
    "Business",
    "Call",
    "CallEvent",
    "Callback",
    "CallbackAttempt",
    "Customer",
    "DoctorRun",
    "Emergency",
    "EmergencyAlert",
    "KeptGreeting",
    "KnownAnswer",
    "ListedNumber",
    "LoginBucket",
    "Message",
    "OnCall",
    "OpeningException",
    "OpeningHours",
    "OutgoingEmail",
    "OutgoingMessage",
    "PhoneLine",
    "Price",
    "Quote",
    "QuoteLine",
    "Server",
    "Service",
    "ServiceArea",
    "Skill",
    "Stream",
    "TakenTime",
    "Technician",
    "TimeOff",
    "ToolCall",
    "Turn",
    "Weekday",
    "WorkerPulse",
    "WorkingHours",
]
