from datetime import datetime

from tests.allocation.conftest import AT


def clock() -> datetime:
    return AT


CSV_MAPPING = """
format: csv
source: legacy
fields:
  id: {columns: [day, row]}
  occurred_at: {column: day, assume_utc: true}
  scope: {choose: [acme/search, acme/ads], by_column: user}
  provider: {constant: openai}
  model: {column: engine}
  tokens.input: {column: kilotokens, scale: 1000}
  status: {column: http, values: {"200": success, "500": error}}
  attributes.who: {column: user}
  gpu_seconds: {column: gpu, default: 0}
"""


CSV = """day,row,engine,kilotokens,http,user,gpu
2026-11-20 10:00:00,1,gpt-4o,1.5,200,ada,
2026-11-20 10:00:00,2,gpt-4o,2,500,bob,1.25
2026-11-20 10:00:00,3,gpt-4o,0.0001,200,ada,
someday,4,gpt-4o,1,200,ada,
"""
