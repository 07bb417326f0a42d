"""Whether a guard that is taken away is missed.

    a guard ─▶ a copy of the sources without it ─▶ the tests that know it ─▶ the first that fails, or SURVIVED

A guard is a few words of the program without which a reader could get an issue twice, or never, or after leaving.
"""
