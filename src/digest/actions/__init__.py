"""THE VERBS: load → decide (core) → act (edge) → record. Each is safe to run twice."""
