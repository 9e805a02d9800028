"""From resources to what they ask for: one reconciler per kind, level-based. Twice is once."""
