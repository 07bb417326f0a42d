"""The linter of emails: bytes in, findings out. Works on anybody's mail."""
