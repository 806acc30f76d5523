"""What the converters share: statuses that differ, the types in the chip's order, and two's complement."""

from __future__ import annotations

import pytest
from support.firmware import load

reading = load("drivers.reading")
STATUSES = (
    "OK NO_SAMPLE OPEN SHORT RANGE NOT_READY NO_RESPONSE SHORT_GROUND SHORT_SUPPLY COLD_RANGE HIGH LOW".split()  # noqa: SIM905
)


def test_the_statuses_are_numbered_as_the_protocol_tells_them() -> None:
    assert [getattr(reading, name) for name in STATUSES] == list(range(12))


def test_a_types_letter_stands_at_its_number() -> None:
    types = {name[-1]: value for name, value in vars(reading).items() if name.startswith("TYPE_")}
    assert types == {letter: i for i, letter in enumerate(reading.TYPES)}
    assert reading.TYPES == "BEJKNRST"


@pytest.mark.parametrize("bits", [1, 8, 12, 14, 19])
def test_signed_is_twos_complement(bits: int) -> None:
    for code in range(-(1 << (bits - 1)), 1 << (bits - 1)):
        assert reading.signed(code & ((1 << bits) - 1), bits) == code
