"""From YAML trees to rule books: one module a kind, every mistake collected with its place."""
