"""Names of what is counted against a limit: never an address or a network, only a keyed hash of it."""

from digest.core.links import derive_key, keyed_hash


def whose(key: bytes, kind: str, value: str = "") -> str:
    """The name of a limit: `kind`, and a keyed hash of `value`, which is nowhere itself. No value: everybody's."""
    return f"{kind}:{keyed_hash(derive_key(key, 'limit/' + kind), value, size=16).hex()}" if value else kind
