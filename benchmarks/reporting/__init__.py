"""Raw files, tables, pages and figures of the measurements."""
