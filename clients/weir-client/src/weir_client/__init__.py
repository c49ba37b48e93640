"""A client of Weir, sync and async, that needs no Django."""

from weir_client.answers import Decision, LeaseState, Limit, Reason, ReservationState
from weir_client.asynchronous import AsyncHeld, AsyncLease, AsyncUsage, AsyncWeir
from weir_client.blocking import Held, Lease, Usage, Weir
from weir_client.drawing import DrawDown, amount_of, nanos_of
from weir_client.errors import Away, Refused, SpoolInUse, WeirError
from weir_client.spool import Spool

__all__ = [
    "AsyncHeld",
    "AsyncLease",
    "AsyncUsage",
    "AsyncWeir",
    "Away",
    "Decision",
    "DrawDown",
    "Held",
    "Lease",
    "LeaseState",
    "Limit",
    "Reason",
    "Refused",
    "ReservationState",
    "Spool",
    "SpoolInUse",
    "Usage",
    "Weir",
    "WeirError",
    "amount_of",
    "nanos_of",
]
