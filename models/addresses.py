"""Hides passwords in URLs of databases and servers before they are logged, sent to MLflow or stored in a manifest."""

import re

_USER = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")
_QUERY = re.compile(r"([?&][^=&\s]*(?:pass|pwd|token|secret|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


def redact_passwords(text: str) -> str:
    """Replace the passwords of all URLs in a text with `***`.

    >>> redact_passwords("cannot reach postgresql://ann:s3cret@db/churn?sslpassword=other&connect_timeout=3")
    'cannot reach postgresql://ann:***@db/churn?sslpassword=***&connect_timeout=3'
    """
    return _QUERY.sub(r"\1***", _USER.sub(r"\1***@", text))
