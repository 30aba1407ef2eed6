"""From an HTTP request to its reply."""
