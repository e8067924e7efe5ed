"""Hides passwords in URLs of databases and servers before they are logged, sent to MLflow or stored in a manifest."""

import re

_USER = re.compile(r"(://[^:/@\s]*:)[^@\n]+@")
_QUERY = re.compile(r"([?&][^=&\s]*(?:pass|pwd|token|secret|key)[^=&\s]*=)[^&\n]+", re.IGNORECASE)


def redact_passwords(text: str) -> str:
    """Replace the passwords of all URLs in a text with `***`; a password may hold blanks.

    >>> redact_passwords("cannot reach postgresql://ann:s3cret@db/churn?sslpassword=other&connect_timeout=3")
    'cannot reach postgresql://ann:***@db/churn?sslpassword=***&connect_timeout=3'
    >>> redact_passwords("postgresql://ann:my secret@db/churn?password=b c")
    'postgresql://ann:***@db/churn?password=***'
    """
    return _QUERY.sub(r"\1***", _USER.sub(r"\1***@", text))
