"""Bodies that are small to send and would be dear to read."""

import gzip
import time

import pytest

from governance.rest.engine.json_bodies import BadBody, BodyTooLarge, unpacked

pytestmark = pytest.mark.adversary("greedy callers")

MIB = 1024 * 1024
EMPTY = gzip.compress(b"")


def cpu_s_of(body: bytes, refusal: type[Exception]) -> float:
    began = time.process_time()
    with pytest.raises(refusal):
        unpacked(body, "gzip", 32 * MIB)
    return time.process_time() - began


def test_four_mib_of_empty_members_are_refused_after_the_first_of_them() -> None:
    assert cpu_s_of(EMPTY * (4 * MIB // len(EMPTY)), BadBody) < 0.5


def test_as_many_members_as_are_allowed_before_a_large_rest_cost_no_more_than_their_bytes() -> None:
    rest = gzip.compress(bytes(40 * MIB), compresslevel=0)
    assert cpu_s_of(EMPTY * (999) + rest, BodyTooLarge) < 1.0


def test_what_unpacks_to_thousand_times_its_size_is_unpacked_up_to_the_limit_only() -> None:
    assert cpu_s_of(gzip.compress(bytes(1024 * MIB // 4), compresslevel=9), BodyTooLarge) < 0.5


def test_members_of_a_body_that_was_packed_in_pieces_are_all_read() -> None:
    pieces = [bytes([65 + number % 26]) * 5_000 for number in range(100)]
    body = b"".join(gzip.compress(piece) for piece in pieces)
    assert unpacked(body, "gzip", MIB) == b"".join(pieces)


@pytest.mark.parametrize("cut", [1, 8, 17])
def test_a_member_that_ends_too_early_is_refused(cut: int) -> None:
    with pytest.raises(BadBody):
        unpacked((EMPTY + gzip.compress(b"x" * 100))[:-cut], "gzip", MIB)
