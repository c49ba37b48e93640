"""`weir deliveries`: the outbox."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from governance.management.arguments import operator, refusals_as_sentences
from governance.messages import operations
from governance.messages.models import Delivery, DeliveryStatus

SHOWN_MAX = 1000


class Command(BaseCommand):
    help = "The outbox: list deliveries, replay dead ones."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="newest first")
        listing.add_argument("--status", choices=DeliveryStatus.values)
        listing.add_argument("--dead", action="store_const", dest="status", const=DeliveryStatus.DEAD.value)
        listing.add_argument("--limit", type=int, default=50)
        replay = verbs.add_parser("replay", help="try dead deliveries again, with the ids they had")
        replay.add_argument("ids", nargs="*", type=uuid.UUID)
        replay.add_argument("--all", action="store_true", help="every dead one")
        replay.add_argument("--reason", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "list":
            self._list(options["status"], min(options["limit"], SHOWN_MAX))
        else:
            self._replay(options)

    def _list(self, status: str | None, limit: int) -> None:
        deliveries = Delivery.objects.select_related("channel").order_by("-created_at")
        if status:
            deliveries = deliveries.filter(status=status)
        for delivery in deliveries[:limit]:
            repeats = f" possible repeats {delivery.possible_repeats_count}" if delivery.possible_repeat else ""
            self.stdout.write(
                f"{delivery.pk}  {delivery.status:<7}  {delivery.channel}  {delivery.created_at:%F %T}  "
                f"attempts {delivery.attempts_count}{repeats}  {delivery.last_error}".rstrip()
            )

    def _replay(self, options: dict[str, Any]) -> None:
        dead = Delivery.objects.filter(status=DeliveryStatus.DEAD).order_by("dead_at")
        ids = list(dead.values_list("pk", flat=True)) if options["all"] else options["ids"]
        if not ids and not options["all"]:
            raise CommandError("Name the deliveries to replay, or --all.")
        for delivery_id in ids:
            if not Delivery.objects.filter(pk=delivery_id).exists():
                raise CommandError(f"There is no delivery {delivery_id}.")
            with refusals_as_sentences():
                operations.replay_delivery(
                    delivery_id=delivery_id, actor=operator(), at=timezone.now(), reason=options["reason"]
                )
        self.stdout.write(f"{len(ids)} to be sent again.")
