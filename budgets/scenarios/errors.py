"""What a scenario refuses."""

from governance.errors import Invalid


class AssumptionInvalid(Invalid):
    """An assumption is not written as one, or what it names has no price."""

    code = "assumption_invalid"
