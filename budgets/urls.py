"""Routes of the API, below /api/v1/."""

from django.urls import path

from budgets.approvals.api import views
from budgets.forecasts import api as forecasts

urlpatterns = [
    path("budgets", views.Budgets.as_view(), name="budgets"),
    path("budgets/<int:budget_id>", views.BudgetDetail.as_view(), name="budget"),
    path("budgets/<int:budget_id>/ledger", views.BudgetLedger.as_view(), name="budget-ledger"),
    path("budgets/<int:budget_id>/submit", views.SubmitBudget.as_view(), name="budget-submit"),
    path("budgets/<int:budget_id>/withdraw", views.WithdrawBudget.as_view(), name="budget-withdraw"),
    path("budgets/<int:budget_id>/approve", views.ApproveBudget.as_view(), name="budget-approve"),
    path("budgets/<int:budget_id>/reject", views.RejectBudget.as_view(), name="budget-reject"),
    path("budgets/<int:budget_id>/grant", views.GrantMore.as_view(), name="budget-grant"),
    path("budgets/<int:budget_id>/grant/approve", views.ApproveGrant.as_view(), name="budget-grant-approve"),
    path("budgets/<int:budget_id>/grant/reject", views.RejectGrant.as_view(), name="budget-grant-reject"),
    path("budgets/<int:budget_id>/grant/withdraw", views.WithdrawGrant.as_view(), name="budget-grant-withdraw"),
    path("budgets/<int:budget_id>/give-back", views.GiveBack.as_view(), name="budget-give-back"),
    path("forecasts", forecasts.Forecasts.as_view(), name="forecasts"),
    path("budgets/<int:budget_id>/end", views.EndBudget.as_view(), name="budget-end"),
]
