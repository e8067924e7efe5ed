"""The prediction log on the service's side: from a request to a spool page to the database."""
