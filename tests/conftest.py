"""What holds for all tests."""

import pytest

# An assertion that fails in a helper shows what it compared, as one in a test does.
pytest.register_assert_rewrite("tests.support")
