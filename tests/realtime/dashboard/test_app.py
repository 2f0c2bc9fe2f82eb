"""The page's own files."""

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from realtime.config import Config, DashboardConfig
from realtime.dashboard.door import Dashboard


def test_only_the_pages_own_files_are_given_out_whatever_is_asked_for() -> None:
    with Dashboard(Config(dashboard=DashboardConfig(port=0))) as page:
        files = page.url.partition("?")[0] + "page/"
        with urlopen(files + "main.js") as answer:
            assert answer.getheader("Content-Type").startswith("text/javascript")
        for name in ("%00.js", "..%2fnodes.js", ".js", "a" * 300 + ".js", "layout.py"):
            with pytest.raises(HTTPError, match="404") as refused:
                urlopen(files + name)
            refused.value.close()
