from governance.messages.operations.channels import (
    ChannelSecrets,
    apply_channel,
    channel_secrets,
    check_channel,
    known_secrets,
    plan_channel,
    rotate_secrets,
    save_channel,
)
from governance.messages.operations.claims import (
    ATTEMPTS_MAX,
    LEASE,
    Lease,
    claim_due_delivery,
    settle_delivery,
)
from governance.messages.operations.deliveries import (
    Outgoing,
    queue_delivery,
    queue_message,
    queue_messages,
    replay_delivery,
)
from governance.messages.operations.sealing_keys import (
    OTHER_KEY,
    OtherSealingKey,
    claim_sealing_key,
    holds_sealing_key,
)
from governance.messages.operations.sending import (
    send_delivery,
)

__all__ = [
    "ATTEMPTS_MAX",
    "LEASE",
    "OTHER_KEY",
    "ChannelSecrets",
    "Lease",
    "OtherSealingKey",
    "Outgoing",
    "apply_channel",
    "channel_secrets",
    "check_channel",
    "claim_due_delivery",
    "claim_sealing_key",
    "holds_sealing_key",
    "known_secrets",
    "plan_channel",
    "queue_delivery",
    "queue_message",
    "queue_messages",
    "replay_delivery",
    "rotate_secrets",
    "save_channel",
    "send_delivery",
    "settle_delivery",
]
