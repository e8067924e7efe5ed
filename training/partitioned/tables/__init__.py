"""What a table in parts is read from: files, or a database."""
