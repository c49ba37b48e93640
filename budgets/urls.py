"""Routes of the API, below /api/v1/."""

from django.urls import path

from budgets.approvals.api import views
from budgets.forecasts import api as forecasts
from budgets.requests.api import facts, limits
from budgets.requests.api import views as requests
from budgets.reservations.api import leases
from budgets.reservations.api import views as reservations
from budgets.scenarios import api as scenarios

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
    path("scenarios", scenarios.Scenarios.as_view(), name="scenarios"),
    path("budgets/<int:budget_id>/end", views.EndBudget.as_view(), name="budget-end"),
    path("budgets/<int:budget_id>/end/withdraw", views.WithdrawEnd.as_view(), name="budget-end-withdraw"),
    path("my/limits", limits.MyLimits.as_view(), name="my-limits"),
    path("quota-requests", requests.QuotaRequests.as_view(), name="quota-requests"),
    path("quota-requests/emergency", requests.GrantInEmergency.as_view(), name="quota-request-emergency"),
    path("quota-requests/<int:request_id>", requests.QuotaRequestDetail.as_view(), name="quota-request"),
    path("quota-requests/<int:request_id>/facts", facts.QuotaRequestFacts.as_view(), name="quota-request-facts"),
    path("quota-requests/<int:request_id>/submit", requests.SubmitRequest.as_view(), name="quota-request-submit"),
    path("quota-requests/<int:request_id>/ask", requests.AskAboutRequest.as_view(), name="quota-request-ask"),
    path("quota-requests/<int:request_id>/answer", requests.AnswerRequest.as_view(), name="quota-request-answer"),
    path("quota-requests/<int:request_id>/approve", requests.ApproveRequest.as_view(), name="quota-request-approve"),
    path("quota-requests/<int:request_id>/reject", requests.RejectRequest.as_view(), name="quota-request-reject"),
    path("quota-requests/<int:request_id>/withdraw", requests.WithdrawRequest.as_view(), name="quota-request-withdraw"),
    path("quota-requests/<int:request_id>/confirm", requests.ConfirmEmergency.as_view(), name="quota-request-confirm"),
    path("quota-requests/<int:request_id>/dispute", requests.DisputeEmergency.as_view(), name="quota-request-dispute"),
    path("reservations", reservations.Reservations.as_view(), name="reservations"),
    path("reservations/<uuid:reservation_id>", reservations.ReservationDetail.as_view(), name="reservation"),
    path(
        "reservations/<uuid:reservation_id>/settle",
        reservations.SettleReservation.as_view(),
        name="reservation-settle",
    ),
    path(
        "reservations/<uuid:reservation_id>/extend",
        reservations.ExtendReservation.as_view(),
        name="reservation-extend",
    ),
    path(
        "reservations/<uuid:reservation_id>/release",
        reservations.ReleaseReservation.as_view(),
        name="reservation-release",
    ),
    path("leases", leases.Leases.as_view(), name="leases"),
    path("leases/<uuid:lease_id>", leases.LeaseDetail.as_view(), name="lease"),
    path("leases/<uuid:lease_id>/renew", leases.RenewLease.as_view(), name="lease-renew"),
    path("leases/<uuid:lease_id>/return", leases.ReturnLease.as_view(), name="lease-return"),
]
