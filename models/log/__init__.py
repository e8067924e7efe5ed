"""The prediction log's database: its tables, outcomes and migrations."""
