"""Channels and deliveries in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from governance.errors import DomainError
from governance.messages import operations
from governance.messages.models import Channel, ChannelKind, Circuit, Delivery, DeliveryStatus
from governance.messages.queries import OWNERS_CHANNEL
from governance.pages.admin.base import OperatedAdmin, RecordAdmin, acting

DELIVERY_LABEL = {"pending": "info", "sending": "info", "sent": "success", "dead": "danger"}


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable at run time.
    """The URL and the secret are entered here and never shown again."""

    url = forms.CharField(
        label="URL",
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False),
        help_text="Slack or webhook. Left empty: stays as it is.",
    )
    secret = forms.CharField(
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False),
        help_text="Webhook: base64, 24 to 64 bytes. Slack: the app's signing secret, for buttons to decide by; set by"
        " superusers. Left empty: stays as it is.",
    )
    recipients = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget(), help_text="Email: one address on each line."
    )

    class Meta:
        model = Channel
        fields = ("scope", "kind", "name", "is_enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.created_at:
            self.initial["recipients"] = "\n".join(self.instance.to)

    def clean_recipients(self) -> list[str]:
        addresses: list[str] = self.cleaned_data["recipients"].split()
        for address in addresses:
            validate_email(address)
        return addresses

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        known = operations.ChannelSecrets()
        if self.instance.sealed_secrets:
            known = operations.known_secrets(self.instance)
        wanted = operations.ChannelSecrets(cleaned["url"] or known.url, cleaned["secret"] or known.secret)
        try:
            operations.check_channel(
                cleaned.get("kind", self.instance.kind),
                cleaned.get("name", self.instance.name),
                wanted,
                cleaned["recipients"],
            )
        except DomainError as refused:
            raise forms.ValidationError(refused.detail) from None
        return cleaned


@admin.register(Channel)
class ChannelAdmin(OperatedAdmin):
    form = ChannelForm
    list_display = ("name", "kind", "scope", "is_enabled", "circuit", "failures_in_a_row")
    list_filter = ("kind", "is_enabled")
    list_select_related = ("scope",)
    search_fields = ("name", "scope__path")
    ordering = ("scope__path", "kind", "name")
    fields = ("scope", "kind", "name", "is_enabled", "url", "secret", "recipients")

    @admin.display(description="sending")
    def circuit(self, channel: Channel) -> str:
        """The circuit breaker's state in words."""
        since = f" after {channel.failures_in_a_row} failures in a row"
        match channel.circuit_at(timezone.now()):
            case Circuit.OPEN:
                return f"circuit open{since}: nothing is sent until {channel.blocked_until:%Y-%m-%d %H:%M:%S} UTC"
            case Circuit.HALF_OPEN:
                return f"circuit half open{since}: the next message tells whether the receiver is back"
            case Circuit.CLOSED:
                return "messages are sent" + (since if channel.failures_in_a_row else "")

    @admin.display(description="last failure")
    def failure(self, channel: Channel) -> str:
        return channel.last_failure or "-"

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        del request
        return () if obj is None else ("scope", "kind", "name", "circuit", "failure")

    def has_change_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        """The organisation's own channel to its owners has nothing to change."""
        if obj is not None and obj.kind == ChannelKind.EMAIL and obj.name == OWNERS_CHANNEL:
            return False
        return bool(super().has_change_permission(request, obj))

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        if obj is not None and not self.has_change_permission(request, obj):
            return ("scope", "kind", "name", "is_enabled", "circuit", "failure")
        return self.fields if obj is None else (*self.fields, "circuit", "failure")

    def save_model(self, request: HttpRequest, obj: Channel, form: forms.ModelForm[Channel], change: bool) -> None:  # noqa: FBT001  # Django's signature
        cleaned = form.cleaned_data
        operations.save_channel(
            channel=obj if change else None,
            scope=cleaned.get("scope", obj.scope),
            kind=cleaned.get("kind", obj.kind),
            name=cleaned.get("name", obj.name),
            url=cleaned["url"] or None,
            secret=cleaned["secret"] or None,
            to=cleaned["recipients"],
            is_enabled=cleaned["is_enabled"],
            actor=acting(request),
            at=timezone.now(),
        )


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    list_display = (
        "title", "channel", "status_label", "attempts_count", "possible_repeats_count", "created_at", "next_due_at",
        "sent_at", "last_error",
    )  # fmt: skip
    list_filter = ("status", "channel__kind")
    list_select_related = ("channel",)
    search_fields = ("id", "dedup_key", "last_error")
    ordering = ("-created_at",)
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("governance.change_delivery")

    @display(description="status", ordering="status", label=DELIVERY_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def status_label(self, delivery: Delivery) -> str:
        return delivery.status

    @admin.display(description="next attempt", ordering="next_attempt_at")
    def next_due_at(self, delivery: Delivery) -> Any:
        return delivery.next_attempt_at if delivery.status == DeliveryStatus.PENDING else None

    @admin.display
    def title(self, delivery: Delivery) -> str:
        return str(delivery.message["title"])

    @action(description="Replay dead deliveries", permissions=["replay"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        replayed = 0
        for delivery_id in list(queryset.values_list("pk", flat=True)):
            try:
                operations.replay_delivery(delivery_id=delivery_id, actor=acting(request), at=timezone.now())
            except DomainError as refused:
                messages.error(request, refused.detail)
            else:
                replayed += 1
        messages.success(request, f"{replayed} to be sent again.")
