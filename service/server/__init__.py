"""The HTTP server: its connections and its worker processes."""
