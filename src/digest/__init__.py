"""digest gathers the posts of a period, makes one issue of them, and sends it once to each confirmed subscriber."""

__version__ = "0.1.0"
