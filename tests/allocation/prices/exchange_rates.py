RATES = """
apiVersion: weir/v1
kind: ExchangeRates
metadata: {name: ecb}
spec:
  organisation: acme
  source: ECB
  rates:
    - {from: EUR, to: USD, effective_from: 2026-11-20, rate: "1.08"}
    - {from: EUR, to: USD, effective_from: 2026-11-24, rate: "1.10"}
    - {from: USD, to: GBP, effective_from: 2026-01-01, rate: "0.8"}
"""
