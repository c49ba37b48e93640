from governance.operations.deliveries import (
    DeliveryNotDead,
    Lease,
    claim_due_delivery,
    queue_delivery,
    queue_message,
    replay_delivery,
    settle_delivery,
)
from governance.operations.idempotency import (
    IdempotencyConflict,
    IdempotencyMismatch,
    begin_command,
    caller_of,
    fingerprint,
    finish_command,
    forget_old_commands,
)
from governance.operations.keys import authenticate_key, create_api_key, key_identity, revoke_api_key
from governance.operations.nudges import nudge
from governance.operations.records import record_decision
from governance.operations.scopes import create_scope
from governance.operations.work import (
    DirtyClaim,
    beat,
    claim_dirty_scopes,
    mark_scopes_dirty,
    settle_dirty_scopes,
)

__all__ = [
    "DeliveryNotDead",
    "DirtyClaim",
    "IdempotencyConflict",
    "IdempotencyMismatch",
    "Lease",
    "authenticate_key",
    "beat",
    "begin_command",
    "caller_of",
    "claim_dirty_scopes",
    "claim_due_delivery",
    "create_api_key",
    "create_scope",
    "fingerprint",
    "finish_command",
    "forget_old_commands",
    "key_identity",
    "mark_scopes_dirty",
    "nudge",
    "queue_delivery",
    "queue_message",
    "record_decision",
    "replay_delivery",
    "revoke_api_key",
    "settle_delivery",
    "settle_dirty_scopes",
]
