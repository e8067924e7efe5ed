"""Addresses of databases and servers, fit to be shown: in logs, in MLflow, and in the manifest that is served."""

import re

_USER = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")
_QUERY = re.compile(r"([?&][^=&\s]*(?:pass|pwd|token|secret|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


def shown(text: str) -> str:
    """Blank out the passwords of all addresses in a text.

    >>> shown("cannot reach postgresql://ann:s3cret@db/churn?sslpassword=other&connect_timeout=3")
    'cannot reach postgresql://ann:***@db/churn?sslpassword=***&connect_timeout=3'
    """
    return _QUERY.sub(r"\1***", _USER.sub(r"\1***@", text))
