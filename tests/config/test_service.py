import os

import pytest
from django.core.management.base import BaseCommand, SystemCheckError

from config import service


def test_what_was_found_in_order_is_not_checked_by_every_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(service.CHECKED, "")
    service.check_once()
    assert os.environ[service.CHECKED]


def test_after_a_fault_every_program_that_checks_says_so_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(_command: BaseCommand) -> None:
        raise SystemCheckError("an index has no name")

    monkeypatch.setenv(service.CHECKED, "")
    monkeypatch.setattr(BaseCommand, "check", faulty)
    service.check_once()
    assert not os.environ[service.CHECKED]
    assert "an index has no name" in caplog.text
