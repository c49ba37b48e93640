"""Anomalies as lists and charts, and the pages that take feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from allocation.anomalies import operations, queries
from allocation.anomalies.engine import words
from allocation.anomalies.engine.series_chart import TOKENS, SeriesDay, series_chart
from allocation.anomalies.models import Anomaly, Feedback, Metric
from governance.calendar.engine import DAY, midnight
from governance.charts.engine.numbers import count, money
from governance.pages.admin.base import VisibleScopes, acting
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.reasons import reason_field, run_for_each
from governance.pages.admin.show import number_column, scope_link
from governance.people.models import DecisionRight
from governance.scopes.queries import scope_tree

STATUS_LABEL = {"open": "danger", "closed": "info"}
NOT_JUDGED = "not judged"
FEEDBACK_WORD = {"": NOT_JUDGED, **{feedback.value: str(feedback.label) for feedback in Feedback}}
FEEDBACK_LABEL = {
    NOT_JUDGED: "default",
    Feedback.YES.label: "danger",
    Feedback.NO.label: "success",
    Feedback.PLANNED.label: "info",
    Feedback.ACCEPTED.label: "info",
}


class FeedbackForm(forms.Form):
    feedback = forms.ChoiceField(choices=Feedback.choices, widget=UnfoldAdminSelectWidget, label="Was it an anomaly?")
    reason = reason_field()


def amount(anomaly: Anomaly, value: Any) -> str:
    """`value` with the metric's unit."""
    if anomaly.metric == Metric.TOKENS:
        return f"{count(int(value))} tokens"
    return money(value, scope_tree(max_age_s=1).by_id[anomaly.scope_id].currency)


@admin.register(Anomaly)
class AnomalyAdmin(ReadOnlyAdmin):
    list_display = (
        "first_day", scope_link, "what_rose", "rose_by", "observed_shown", "expected_shown", "duration",
        "status_label", "feedback_label",
    )  # fmt: skip
    list_filter = ("status", "feedback", "metric", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    search_fields = ("scope__path", "model")
    ordering = ("-first_day", "-id")
    fields = (
        scope_link, "what_rose", "days_shown", "rose_by", "observed_shown", "expected_shown", "reason", "status_label",
        "detected_at", "time_to_detect_shown", "closed_at", "feedback_label", "feedback_reason", "feedback_by",
        "feedback_at", "score", "method", "records",
    )  # fmt: skip
    readonly_fields = (
        scope_link, "what_rose", "days_shown", "rose_by", "observed_shown", "expected_shown", "status_label",
        "feedback_label", "time_to_detect_shown", "records",
    )  # fmt: skip
    actions = ("judge",)
    actions_detail = ("judge_one",)
    change_form_outer_before_template = "allocation/anomalies/chart.html"

    # --- columns and fields

    @admin.display(description="what rose", ordering="model")
    def what_rose(self, anomaly: Anomaly) -> SafeString | str:
        if not anomaly.model:
            return anomaly.series_name
        return format_html('{} <span style="opacity:.65">{}</span>', anomaly.series_name, anomaly.provider)

    @number_column
    @admin.display(description="above expected", ordering="excess_cost")
    def rose_by(self, anomaly: Anomaly) -> SafeString:
        return format_html("<strong>{}</strong>", amount(anomaly, anomaly.excess))

    @number_column
    @admin.display(description="observed", ordering="observed")
    def observed_shown(self, anomaly: Anomaly) -> str:
        return amount(anomaly, anomaly.observed)

    @number_column
    @admin.display(description="expected", ordering="expected")
    def expected_shown(self, anomaly: Anomaly) -> str:
        return amount(anomaly, anomaly.expected)

    @admin.display(description="anomalous days")
    def days_shown(self, anomaly: Anomaly) -> str:
        if anomaly.first_day == anomaly.last_day:
            return str(anomaly.first_day)
        return f"{anomaly.first_day} to {anomaly.last_day}, {anomaly.days_count} days"

    @number_column
    @admin.display(description="days")
    def duration(self, anomaly: Anomaly) -> str:
        return str(anomaly.duration_days)

    @admin.display(description="time to detect")
    def time_to_detect_shown(self, anomaly: Anomaly) -> str:
        minutes = int(anomaly.time_to_detect.total_seconds() // 60)
        return f"{minutes // 60} h {minutes % 60} min after the first day's end"

    @display(description="status", ordering="status", label=STATUS_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def status_label(self, anomaly: Anomaly) -> str:
        return anomaly.status

    @display(description="feedback", ordering="feedback", label=FEEDBACK_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def feedback_label(self, anomaly: Anomaly) -> str:
        return FEEDBACK_WORD[anomaly.feedback]

    @admin.display(description="usage records")
    def records(self, anomaly: Anomaly) -> SafeString:
        since, until = (f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}" for day in (anomaly.first_day, anomaly.last_day + DAY))
        narrowed = {"scope__id__exact": str(anomaly.scope_id), "occurred_at__gte": since, "occurred_at__lt": until}
        if anomaly.model:
            narrowed |= {"provider__exact": anomaly.provider, "model__exact": anomaly.model}
        page = f"{reverse('admin:allocation_usagerecord_changelist')}?{urlencode(narrowed)}"
        return format_html('<a class="text-link" href="{}">those of the anomalous days</a>', page)

    # --- the series

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        anomaly = self.get_object(request, object_id) if object_id is not None else None
        chart = {} if anomaly is None else self._chart(anomaly)
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **chart})
        return answer

    def _chart(self, anomaly: Anomaly) -> dict[str, Any]:
        days = queries.days_around(anomaly, until=timezone.now().date())
        currency = scope_tree().by_id[anomaly.scope_id].currency
        unit = TOKENS if anomaly.metric == Metric.TOKENS else currency
        points = [SeriesDay(day.day, day.observed, day.expected, day.high, day.is_anomalous) for day in days]
        sentence = words.sentence(queries.told(anomaly, currency))
        return {"anomaly": anomaly, "sentence": sentence, "chart": series_chart(points, unit=unit), "unit": unit}

    # --- feedback

    def has_judge_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        if object_id is None:
            return bool(self.has_view_permission(request))
        anomaly = self.rows_seen(request, object_id).select_related("scope").first()
        return anomaly is not None and acting(request).may(DecisionRight.ACKNOWLEDGE, anomaly.scope)

    @admin.action(description="Give feedback", permissions=["judge"])
    def judge(self, request: HttpRequest, queryset: QuerySet[Anomaly]) -> HttpResponse:
        chosen = list(queryset.select_related("scope"))
        return self._ask(request, chosen, back=reverse("admin:allocation_anomaly_changelist"), from_list=True)

    @action(description="Give feedback", permissions=["judge"], url_path="judge", icon="rate_review")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def judge_one(self, request: HttpRequest, object_id: int) -> HttpResponse:
        chosen = list(self.rows_seen(request, object_id).select_related("scope"))
        back = reverse("admin:allocation_anomaly_change", args=[object_id])
        return self._ask(request, chosen, back=back, from_list=False)

    def _ask(self, request: HttpRequest, chosen: Sequence[Anomaly], *, back: str, from_list: bool) -> HttpResponse:
        """The form for feedback and a reason; once it is valid, gives that feedback on each chosen anomaly."""
        form = FeedbackForm(request.POST if "apply" in request.POST else None)
        if form.is_bound and form.is_valid():

            def run(anomaly: Anomaly) -> None:
                operations.give_feedback(
                    anomaly_id=anomaly.pk, actor=acting(request), at=timezone.now(), **form.cleaned_data
                )

            run_for_each(request, chosen, run=run, name=str, done="on record")
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Was it an anomaly?",
            "rows": [(anomaly, amount(anomaly, anomaly.excess)) for anomaly in chosen],
            "form": form,
            "button": "Put on record",
            "back": back,
            "action": "judge",
            "selected": [anomaly.pk for anomaly in chosen] if from_list else [],
        }
        return TemplateResponse(request, "allocation/anomalies/feedback.html", context)
