from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[4]


VALID: dict[str, Any] = {
    "apiVersion": "weir/v1",
    "kind": "GuardrailPolicy",
    "metadata": {"name": "daily-burn", "owner": "finops@example.com", "runbook": "docs/runbook.md#daily-burn"},
    "spec": {
        "severity": "high",
        "match": {"kinds": ["team"], "paths": ["acme/**"], "labels": {"env": "prod"}},
        "exclude": {"labels": {"lifecycle": "decommissioned"}},
        "params": {"stop_at": {"type": "double", "default": 1.0}, "quiet": {"type": "duration", "default": "1h30m"}},
        "facts": {"spend": {"fact": "cost", "window": "24h", "max_age": "15m"}},
        "steps": [
            {
                "name": "stop",
                "when": "spend >= params.stop_at",
                "for": "5m",
                "release": "spend < 0.5",
                "min_hold": "30m",
                "actions": [{"notify": {"to": ["owner", "slack:ai-spend"], "repeat_every": "4h"}}, {"block": {}}],
            }
        ],
        "enforcement": {"level": "soft_mandatory", "points": ["schedule"], "on_error": "hold"},
        "tests": [
            {
                "name": "it stops",
                "scope": {"kind": "team", "path": "acme/search", "labels": {"env": "prod"}},
                "every": "5m",
                "series": {"spend": "2x3"},
                "expect": [{"at": "5m", "step": "stop", "state": "firing", "actions": ["notify", "block"]}],
            }
        ],
    },
}
