"""A published price list with what few models are billed by: steps, audio, images, searches, characters."""

PUBLISHED = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: a-list}
spec:
  organisation: acme
  prices:
    - {provider: openai, model: "gpt-4*", effective_from: 2026-01-01, input: "4", output: "16"}
    - {provider: openai, model: gpt-long, effective_from: 2026-01-01, input: "4", output: "16"}
    - {provider: openai, model: gpt-long, effective_from: 2026-01-01, above_input_tokens: 1000, input: "6",
       output: "20"}
    - {provider: openai, model: talker, effective_from: 2026-01-01, input: 1, output: 2, audio_input: 10,
       audio_output: "20", cache_write: "1.25", cache_write_1h: 2, web_search: "0.01", character: 15}
    - {provider: openai, model: painter, effective_from: 2026-01-01, image: "0.04"}
    - {provider: openai, model: whisper, effective_from: 2026-01-01, audio_second: "0.0001"}
    - {provider: openai, model: plain, effective_from: 2026-01-01, input: 1, output: 2}
"""
