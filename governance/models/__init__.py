from governance.models.delivery import Channel, ChannelKind, Delivery, DeliveryStatus
from governance.models.people import ApiKey, KeyPermission, User
from governance.models.record import DecisionRecord
from governance.models.scope import (
    Criticality,
    DecisionRight,
    Kind,
    Ownership,
    Persona,
    Practice,
    Scope,
    ScopeQuerySet,
    ScopeTreeVersion,
)
from governance.models.unit_cost import CostUnit, UnitCostTarget
from governance.models.visibility import ScopedQuerySet, Viewer
from governance.models.work import DirtyScope, Heartbeat, IdempotencyRecord

__all__ = [
    "ApiKey",
    "Channel",
    "ChannelKind",
    "CostUnit",
    "Criticality",
    "DecisionRecord",
    "DecisionRight",
    "Delivery",
    "DeliveryStatus",
    "DirtyScope",
    "Heartbeat",
    "IdempotencyRecord",
    "KeyPermission",
    "Kind",
    "Ownership",
    "Persona",
    "Practice",
    "Scope",
    "ScopeQuerySet",
    "ScopeTreeVersion",
    "ScopedQuerySet",
    "UnitCostTarget",
    "User",
    "Viewer",
]
