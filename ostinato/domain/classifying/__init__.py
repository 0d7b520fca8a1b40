"""The type of a request: hashed features, a small linear model, calibrated; and what to do when it is unsure."""
