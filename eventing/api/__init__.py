"""The ops API: health, metrics, and where every event went. Read-only; JSON in camelCase."""
