"""What holds for every test."""

from hypothesis import settings

# How long an example takes depends on the machine and on what is compiled already.
settings.register_profile("concord", deadline=None)
settings.load_profile("concord")

pytest_plugins = ["tests.databases"]
