"""Tasks and their days in the admin."""

from django.contrib import admin

from allocation.usage.models import Task, TaskDay
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of, scope_link


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_display = (
        "task_id", scope_link, "first_occurred_at", "last_occurred_at", money_of("cost"), count_of("requests"),
        count_of("errors"), count_of("tokens"), count_of("first_call_tokens", label="tokens of the first call"),
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes),)
    list_select_related = ("scope",)
    ordering = ("-first_occurred_at", "-id")
    search_fields = ("task_id__exact",)
    search_help_text = "Exact task id."


@admin.register(TaskDay)
class TaskDayAdmin(ReadOnlyAdmin):
    list_display = (
        "day", scope_link, count_of("tasks", label="tasks begun"), money_of("cost"), count_of("requests"),
        count_of("errors"), count_of("tokens"), count_of("first_call_tokens", label="tokens of first calls"),
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes),)
    list_select_related = ("scope",)
    ordering = ("-day", "-id")
