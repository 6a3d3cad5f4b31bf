"""No secret, key or certificate is committed: they are made at start."""

import re
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.tests.sources import ROOT


def committed() -> list[Path]:
    """Return every file that git knows, or would; every file outside a git tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        names = run.stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(path) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


# A header alone may stand in a text about keys; a header with a body is one.
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)-----\s*(?:\\n)?[A-Za-z0-9+/=\r\n\\]{60,}"
    rb"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"
    rb"|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}"
)


def test_no_secret_key_or_certificate_is_committed() -> None:
    suffixes = {".pem", ".key", ".crt", ".p12", ".pfx", ".env", ".jwk"}
    found = [
        str(path.relative_to(ROOT))
        for path in committed()
        if path.suffix in suffixes or SECRETS.search(path.read_bytes())
    ]
    assert found == []


def test_a_key_made_now_would_be_noticed() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert SECRETS.search(b"KEY = '''" + text)
    assert SECRETS.search(repr(text).encode())
