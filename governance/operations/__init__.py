from governance.operations.channels import (
    ChannelSecrets,
    Rotation,
    apply_channel,
    channel_secrets,
    check_channel,
    plan_channel,
    rotate_secrets,
    save_channel,
)
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
from governance.operations.people import create_user, grant_ownership
from governance.operations.records import record_decision
from governance.operations.scopes import ScopeExists, apply_scope, change_scope, create_scope, plan_scope
from governance.operations.sending import send_delivery
from governance.operations.work import (
    DirtyClaim,
    beat,
    claim_dirty_scopes,
    mark_scopes_dirty,
    settle_dirty_scopes,
)

__all__ = [
    "ChannelSecrets",
    "DeliveryNotDead",
    "DirtyClaim",
    "IdempotencyConflict",
    "IdempotencyMismatch",
    "Lease",
    "Rotation",
    "ScopeExists",
    "apply_channel",
    "apply_scope",
    "authenticate_key",
    "beat",
    "begin_command",
    "caller_of",
    "change_scope",
    "channel_secrets",
    "check_channel",
    "claim_dirty_scopes",
    "claim_due_delivery",
    "create_api_key",
    "create_scope",
    "create_user",
    "fingerprint",
    "finish_command",
    "forget_old_commands",
    "grant_ownership",
    "key_identity",
    "mark_scopes_dirty",
    "nudge",
    "plan_channel",
    "plan_scope",
    "queue_delivery",
    "queue_message",
    "record_decision",
    "replay_delivery",
    "revoke_api_key",
    "rotate_secrets",
    "save_channel",
    "send_delivery",
    "settle_delivery",
    "settle_dirty_scopes",
]
