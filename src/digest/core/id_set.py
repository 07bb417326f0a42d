"""A set of row ids that are close to each other: a bit each, so that a million take an eighth of a megabyte."""


class IdSet:
    """Ids, never negative. In pages of 4096."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def __contains__(self, number: int) -> bool:
        bits = self._pages.get(number >> 12)
        return bits is not None and bits[number >> 3 & 511] & 1 << (number & 7) != 0

    def add(self, number: int) -> bool:
        """Whether it was new."""
        bits = self._pages.get(number >> 12)
        if bits is None:
            bits = self._pages[number >> 12] = bytearray(512)
        octet, bit = number >> 3 & 511, 1 << (number & 7)
        if bits[octet] & bit:
            return False
        bits[octet] |= bit
        return True

    def discard(self, number: int) -> bool:
        """Whether it was there."""
        if number not in self:
            return False
        self._pages[number >> 12][number >> 3 & 511] &= ~(1 << (number & 7))
        return True
