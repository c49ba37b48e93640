"""Calls per second that a matcher attributes, and seconds for a preview over recorded usage.

python bench/attribution.py [--records 1000000] [--rules 50] [--keys 10000] [--moved 50000]

DATABASE_URL names the server.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

from scratch import scratch_database

AT = datetime(2026, 11, 24, tzinfo=UTC)
TEAMS = 40


def rate(title: str, count: int, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    took = time.perf_counter() - started
    print(f"{title:<66}{count:>10,} in {took:7.3f} s {count / took:>13,.0f} /s")


def matchers(rules: int, keys: int) -> None:
    from allocation.attribution.documents import condition
    from allocation.attribution.engine import Key, Matcher, PlainCall, Rule

    def call(number: int, team: str) -> PlainCall:
        attributes = {"team": team, "tag.env": "prod", "key_alias": f"key-{number % 97}", "end_user": f"u{number}"}
        return PlainCall("openai", f"gpt-{number % 4}", "chat", "gateway", "standard", attributes)

    usual = [call(number, f"team-{number % TEAMS}") for number in range(200_000)]
    strange = [call(number, f"stranger-{number}") for number in range(5_000)]
    day = date(2026, 11, 24)

    def place(matcher: Matcher, calls: Iterable[PlainCall]) -> None:
        for plain_call in calls:
            matcher.first_match(plain_call, day)

    def text(number: int) -> str:
        return f'attributes.team == "team-{number}" && model.startsWith("gpt")'

    labels = [Rule(f"rule {number}", (("team", f"team-{number}"),), number) for number in range(rules)]
    cel = [Rule(f"rule {number}", (), number, condition=condition(text(number))) for number in range(rules)]
    known = [Key(f"key {number}", "key_alias", f"key-{number}", number) for number in range(keys)]
    rate(f"{rules} label rules", len(usual), lambda: place(Matcher(labels), usual))
    rate(f"{rules} CEL rules", len(usual), lambda: place(Matcher(cel), usual))
    rate(f"{rules} CEL rules, new values in every call", len(strange), lambda: place(Matcher(cel), strange))
    rate(f"{keys:,} keys", len(usual), lambda: place(Matcher((), known), usual))


def fill(scope_id: int, records: int) -> None:
    """Usage of a shared gateway over 30 days, inserted directly: ingest is measured elsewhere."""
    from django.db import connection

    from allocation.meters.engine.months import Month
    from allocation.usage.operations import ensure_partitions

    since = AT - timedelta(days=30)
    ensure_partitions({Month.of(since), Month.of(AT)})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_usagerecord (
                id, occurred_at, received_at, scope_id, source, event_id, provider, model, operation, service_tier,
                status, task_id, session_id, attribution, price_source, price_version, attributes, input_tokens,
                cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, gpu_seconds, cost
            )
            SELECT gen_random_uuid(), %(since)s::timestamptz + number * interval '30 days' / %(records)s, %(since)s,
                %(scope)s, 'gateway', number::text, 'openai', 'gpt-' || number %% 4, 'chat', 'standard', 'success', '',
                '', 'unattributed', 'genai-prices', '1',
                jsonb_build_object('team', 'team-' || number %% 40, 'tag.env', 'prod', 'key_alias',
                    'key-' || number %% 97, 'end_user', md5((number %% 5000)::text), 'key_hash', md5(number::text)),
                1000 + number %% 700, 0, 0, 100, 0, 1, 0, 0.003 + (number %% 9) * 0.0001
            FROM generate_series(1, %(records)s) AS number
            """,
            {"since": since, "scope": scope_id, "records": records},
        )
        cursor.execute("VACUUM ANALYZE allocation_usagerecord")


def previews(records: int, rules: int, moved: int) -> None:
    from allocation.attribution.documents import AttributionRulesDocument
    from allocation.attribution.operations import apply_attribution_rules
    from allocation.corrections.operations import reattribute_usage
    from allocation.coverage.operations import preview_attribution
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor
    from governance.scopes.queries import scope_tree

    system = Actor.system()
    acme = create_scope(slug="acme", kind="organisation", actor=system, at=AT)
    for number in range(TEAMS):
        create_scope(slug=f"team-{number}", kind="team", parent=acme, actor=system, at=AT)
    fill(scope_tree().unattributed(acme.pk), records)

    def document(lines: list[dict[str, str]]) -> AttributionRulesDocument:
        return AttributionRulesDocument.model_validate(
            {
                "apiVersion": "weir/v1",
                "kind": "AttributionRules",
                "metadata": {"name": "acme"},
                "spec": {"organisation": "acme", "rules": lines},
            }
        )

    def preview(title: str, lines: list[dict[str, str]]) -> None:
        rate(
            f"preview: {title}",
            records,
            lambda: preview_attribution(
                documents=[document(lines)], since=AT - timedelta(days=31), until=AT, actor=system, at=AT
            ),
        )

    teams = [
        {
            "if": f'attributes.team == "team-{number}" && model.startsWith("gpt")',
            "scope": f"acme/team-{number % TEAMS}",
        }
        for number in range(rules)
    ]
    preview(f"{rules} CEL rules on team and model", teams)
    preview("the same, the last one dated", [*teams, {**teams[0], "effective_from": "2026-11-10"}])
    people = [{"if": 'attributes.end_user.startsWith("a")', "scope": "acme/team-1"}]
    preview("one rule on 5,000 end users", people)
    apply_attribution_rules(document(teams), actor=system, at=AT)
    hours = 24 * 30 * moved // records
    rate(
        "attribute part of it again",
        moved,
        lambda: reattribute_usage(
            organisation="acme", since=AT - timedelta(hours=hours), until=AT, reason="bench", actor=system, at=AT
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=50)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--moved", type=int, default=50_000, help="records attributed again, about")
    given = parser.parse_args()
    with scratch_database():
        matchers(given.rules, given.keys)
        previews(given.records, given.rules, given.moved)


if __name__ == "__main__":
    main()
