"""For whoever writes a provider: the outside world in memory, and the tests that every provider has to pass.

class TestMine(ProviderTests):
@pytest.fixture
def provider(self, tmp_path):
return KIND.connect(KIND.settings(...), context(state_dir=str(tmp_path)))
"""

from __future__ import annotations

from stacsync.testing.conformance import ProviderTests
from stacsync.testing.outside import FakeMemory, context

__all__ = ["FakeMemory", "ProviderTests", "context"]
