"""AWS's own rules, as plain functions: no Django, no network, no AWS library."""
