"""The formats of a bundle's files. They are checked before a library opens the files."""
