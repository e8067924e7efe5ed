"""The prediction log: its tables, the outcomes in them, and the migrations that create them."""
