from budgets.forecasts.operations.making import make_forecasts

__all__ = ["make_forecasts"]
