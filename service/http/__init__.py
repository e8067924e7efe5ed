"""HTTP: routes, request and response bodies, errors, limits and middleware."""
