"""SQL lives here and nowhere else. A session goes in first, frozen values come out."""
