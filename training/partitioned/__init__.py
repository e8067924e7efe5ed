"""A fit on a table in parts, each of which is read, checked and encoded on its own; never the whole table in memory."""
