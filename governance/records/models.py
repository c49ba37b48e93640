"""Decision records: append-only and chained by hashes."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models

from governance.people.models import ApiKey
from governance.scopes.models import Scope, ScopedQuerySet
from governance.work.engine.locks import CHAIN_LOCK


def _refusal(operation: str, when: pgtrigger.When, level: pgtrigger.Level) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=f"refuse_{operation}",
        when=when,
        level=level,
        operation=getattr(pgtrigger, operation.capitalize()),
        func="RAISE EXCEPTION 'decision records are append-only' USING ERRCODE = 'integrity_constraint_violation';",
    )


def _netstring(text: str) -> str:
    return f"COALESCE(octet_length(convert_to({text}, 'UTF8'))::text || ':' || {text} || ',', '-,')"


_CANONICAL = " || ".join(
    map(
        _netstring,
        (
            "NEW.previous_hash", "NEW.seq::text",
            """to_char(NEW.decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
            "NEW.actor", "NEW.user_id::text", "NEW.key_id::text", "NEW.action", "NEW.scope_id::text",
            "NEW.scope_path", "NEW.subject", "NEW.reason", "evidence_text",
        ),
    )
)  # fmt: skip


class DecisionRecord(models.Model):
    """Who decided what, why and on which evidence. Append-only; each row's hash covers that of the row before."""

    seq = models.BigIntegerField(unique=True, editable=False, default=0)
    decided_at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=100)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, null=True, related_name="decision_records")
    scope_path = models.CharField(max_length=1000, blank=True, default="", help_text="As it was at the time.")
    subject = models.CharField(max_length=1100)
    reason = models.TextField(blank=True, default="")
    evidence = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, editable=False, default="")
    hash = models.CharField(max_length=64, editable=False, default="")

    objects = ScopedQuerySet["DecisionRecord"].as_manager()

    class Meta:
        triggers = [
            pgtrigger.Trigger(
                name="chain",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("previous", "record"), ("evidence_text", "text := NEW.evidence::text")],
                # A sequence of netstrings: two different rows never give the same text.
                # `governance.records.engine` computes the same in Python; a test compares the two.
                # One expression and no loop over the fields: a sweep in a storm appends thousands.
                func=f"""
                    PERFORM pg_advisory_xact_lock({CHAIN_LOCK.number});
                    SELECT seq, hash INTO previous FROM governance_decisionrecord ORDER BY seq DESC LIMIT 1;
                    NEW.seq := COALESCE(previous.seq, 0) + 1;
                    NEW.previous_hash := COALESCE(previous.hash, repeat('0', 64));
                    NEW.hash := encode(sha256(convert_to({_CANONICAL}, 'UTF8')), 'hex');
                    RETURN NEW;
                """,  # noqa: S608  # The lock is a constant.
            ),
            _refusal("update", pgtrigger.Before, pgtrigger.Row),
            _refusal("delete", pgtrigger.Before, pgtrigger.Row),
            _refusal("truncate", pgtrigger.Before, pgtrigger.Statement),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.subject}"
