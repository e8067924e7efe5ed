"""Raw files, tables and figures of the measurements."""
