"""Properties try the same examples in every run, so that a run of CI shows what a change did and not what chance found.

HYPOTHESIS_PROFILE=random looks for others.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
