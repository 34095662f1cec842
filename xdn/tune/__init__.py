"""The auto-tuner: a space of configurations, strategies that search it, and a store of what they found."""
