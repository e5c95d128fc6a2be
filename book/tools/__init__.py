"""Execute, check, build, lighten and audit the book."""

import sys

# Notebooks are read through jsonschema, which would spend a second of every build on a grammar of web addresses if it
# found this optional package; nothing here checks an address.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
