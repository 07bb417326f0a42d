"""A set of row ids that are close to each other: a bit each, so that a million take an eighth of a megabyte."""

_PAGE = 4096


class IdSet:
    """Ids, never negative."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def __contains__(self, number: int) -> bool:
        page, place = divmod(number, _PAGE)
        bits = self._pages.get(page)
        return bits is not None and bool(bits[place >> 3] & 1 << (place & 7))

    def add(self, number: int) -> bool:
        """Whether it was new."""
        page, place = divmod(number, _PAGE)
        bits = self._pages.setdefault(page, bytearray(_PAGE // 8))
        octet, bit = place >> 3, 1 << (place & 7)
        if bits[octet] & bit:
            return False
        bits[octet] |= bit
        return True
