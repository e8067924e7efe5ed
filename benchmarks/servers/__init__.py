"""What the service is compared with; each module is one small server."""
