"""The self-made repository of many packages in many languages."""

from pathlib import Path

_PYTHON = '[project]\nname = "{name}"\nversion = "1.0"\ndependencies = [{needs}]\n\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
_NODE = '{{"name": "@shop/{name}", "version": "1.0.0", "scripts": {{"test": "node --test", "lint": "eslint ."}}}}\n'
FILES = {
    "package.json": '{"name": "shop", "private": true, "workspaces": ["web/*"]}\n',
    "package-lock.json": "{}\n",
    "README.md": "# shop\n",
    ".github/workflows/ci.yml": "on: push\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: pytest}]}}\n",
    "services/orders/pyproject.toml": _PYTHON.format(name="orders", needs='"money", "store"'),
    "services/orders/src/orders/api.py": "import money\n",
    "services/orders/tests/test_api.py": "def test_api():\n    assert True\n",
    "services/billing/pyproject.toml": _PYTHON.format(name="billing", needs='"money"'),
    "services/billing/src/billing/api.py": "import money\n",
    "services/billing/tests/test_api.py": "def test_api():\n    assert True\n",
    "services/mail/go.mod": "module example.org/mail\n\ngo 1.22\n",
    "services/mail/main.go": "package main\n\nfunc main() {}\n",
    "libs/money/pyproject.toml": _PYTHON.format(name="money", needs=""),
    "libs/money/src/money/parse.py": "def cents(text):\n    return int(text)\n",
    "libs/money/tests/test_parse.py": "def test_parse():\n    assert True\n",
    "libs/store/pyproject.toml": _PYTHON.format(name="store", needs=""),
    "libs/store/src/store/table.py": "rows = []\n",
    "web/shop/package.json": _NODE.format(name="shop"),
    "web/shop/src/index.ts": "export const shop = 1\n",
    "web/shop/index.html": "<html><body><h1>Shop</h1></body></html>\n",
    "web/admin/package.json": _NODE.format(name="admin"),
    "web/admin/src/index.ts": "export const admin = 1\n",
    "tools/importer/Cargo.toml": '[package]\nname = "importer"\nversion = "0.1.0"\nedition = "2021"\n',
    "tools/importer/src/main.rs": "fn main() {}\n",
}


def make_monorepo(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
