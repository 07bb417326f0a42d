"""PURE: values in, values out. No I/O, no clock, no SQL, no logging, no async."""
