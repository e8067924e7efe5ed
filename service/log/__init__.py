"""The service's side of the prediction log: from requests through the spool to the database."""
