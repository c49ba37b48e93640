"""What reservations refuse, each with a stable code."""

from governance.errors import DomainError, Invalid


class ReservationRefused(DomainError):
    """There is not so much left: `account` or `parent` says where, `left` what is there, `resets_at` until when."""

    code = "reservation_refused"


class ReservationEnded(DomainError):
    """The reservation has ended otherwise; `status` says how."""

    code = "reservation_ended"


class ReservationDiffers(DomainError):
    """A reservation of this id stands, on other terms."""

    code = "reservation_differs"


class UnsizedReservation(Invalid):
    """Neither an amount is stated nor what would give one."""

    code = "reservation_unsized"
