"""Which side of a split a row is on, by its hash: the same in any table that has the row."""
