"""The context of a session: measured by what was really activated, and made smaller. Pure."""
