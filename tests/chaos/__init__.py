"""Chaos: real runs that are broken at random moments, and what must hold when they have ended.

When do you need to touch this? When a way to fail is missing, or when something must hold that is not checked yet.
"""
