"""Tasks of agents and their daily sums."""

from __future__ import annotations

from django.db import models

from governance.scopes.models import OrganisationQuerySet, Scope, ScopedQuerySet

TASK_TABLE = "allocation_task"
TASK_DAY_TABLE = "allocation_taskday"


class Task(models.Model):
    """The calls that share a `task_id` within an organisation: what an agent did for one piece of work. It belongs to
    the scope of its first call and began on the day on which that call counts.
    """

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", db_index=False)
    task_id = models.CharField(max_length=200)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    began_on = models.DateField(null=True)
    first_occurred_at = models.DateTimeField(null=True)
    first_record_id = models.UUIDField(null=True)
    first_call_tokens = models.BigIntegerField(default=0)
    last_occurred_at = models.DateTimeField(null=True)
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=9, default=0)

    objects = OrganisationQuerySet["Task"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "task_id"], name="task_once_per_organisation"),
        ]
        indexes = [
            # Read by lists of a scope's tasks and by the distribution of tokens per task.
            models.Index(fields=["scope", "began_on"], name="task_of_scope"),
            # Read by the lists of tasks of API and admin: those of many scopes, newest first.
            models.Index(fields=["-first_occurred_at", "-id"], name="task_newest"),
        ]

    def __str__(self) -> str:
        return self.task_id


class TaskDay(models.Model):
    """Per scope and UTC day: the tasks that began, with the tokens of their first calls; and the usage of all calls of
    tasks on that day in that scope, whenever their task began. Sums over a period give cost and tokens per task.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    tasks = models.BigIntegerField()
    first_call_tokens = models.BigIntegerField()
    requests = models.BigIntegerField()
    errors = models.BigIntegerField()
    tokens = models.BigIntegerField()
    cost = models.DecimalField(max_digits=24, decimal_places=9)

    objects = ScopedQuerySet["TaskDay"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "day"], name="task_day_once")]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.day}"
