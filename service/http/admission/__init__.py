"""Who gets in: at which port, from which web page, and with which key."""
