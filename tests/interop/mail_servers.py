"""Real mail servers on loopback: dovecot keeps a mailbox, aiosmtpd takes mails and puts them into it or keeps them."""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "shop", "canary-mail-password"

DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{base}/Maildir
mail_max_userip_connections = 100
# Mails are put into the folder behind its back: it notices most at once, and the others when it looks (else 30 s).
mailbox_idle_check_interval = 1 secs
first_valid_uid = 0
first_valid_gid = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
passdb {{
  driver = static
  args = user={name} password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Dovecot:
    """A mailbox server in a folder of its own, run by a user without rights."""

    def __init__(self, base: Path, uid: int, gid: int, more: str = "", files: Sequence[Path] = ()) -> None:
        self.base, self.uid, self.gid = base, uid, gid
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
        user = pwd.getpwuid(uid)
        group = grp.getgrgid(gid).gr_name
        text = DOVECOT.format(
            base=base, user=user.pw_name, group=group, uid=uid, gid=gid, port=self.port, name=USER, password=PASSWORD
        )
        (base / "dovecot.conf").write_text(text + more.replace("BASE", str(base)))
        for one in files:
            shutil.copy(one, base)
        for name in ("Maildir/new", "Maildir/cur", "Maildir/tmp", "run", "state"):
            (base / name).mkdir(parents=True)
        self._own()

    def _own(self) -> None:
        if os.getuid() == 0:
            for path in (self.base, *self.base.rglob("*")):
                os.chown(path, self.uid, self.gid)

    def start(self) -> None:
        drop: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.getuid() == 0 else {}
        self._process = subprocess.Popen(  # noqa: S603  a program of the system's, with a file of ours
            [dovecot_binary() or "dovecot", "-F", "-c", str(self.base / "dovecot.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **drop,
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                    line.settimeout(5)
                    if line.recv(100).startswith(b"* OK"):
                        return
            except OSError:
                time.sleep(0.1)
        log = self.base / "dovecot.log"
        pytest.skip(f"dovecot does not start here: {log.read_text()[-300:] if log.exists() else 'it says nothing'}")

    def stop(self) -> None:
        if self._process is not None:
            # The master ends by itself, but lines that are open outlive it: the whole group goes.
            self._process.terminate()
            try:
                self._process.wait(10)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
            self._process = None

    def deliver(self, mail: bytes) -> None:
        """Put a mail into the mailbox, as a mail server does: whole, by renaming."""
        self._count += 1
        name = f"{time.time():.6f}.{os.getpid()}_{self._count}.test"
        made = self.base / "Maildir/tmp" / name
        made.write_bytes(mail)
        if os.getuid() == 0:
            os.chown(made, self.uid, self.gid)
        made.rename(self.base / "Maildir/new" / name)

    def renumber(self) -> None:
        """Make the mailbox anew, with another UIDVALIDITY, and the mails that were in it."""
        self.stop()
        for one in (self.base / "Maildir").glob("dovecot*"):
            one.unlink()
        for one in (self.base / "Maildir/cur").iterdir():
            one.rename(self.base / "Maildir/cur" / one.name.partition(",S=")[0].partition(":")[0])
        time.sleep(1.1)  # UIDVALIDITY is the second in which the mailbox was made
        self.start()


def dovecot_binary() -> str | None:
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def dovecot(more: str = "", files: Sequence[Path] = ()) -> Iterator[Dovecot]:
    if dovecot_binary() is None:
        pytest.skip("dovecot is not installed (apt-get install dovecot-imapd)")
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    else:
        uid, gid = os.getuid(), os.getgid()
    # Sockets' paths are short: a test's own folder may be too deep for them.
    base = Path(tempfile.mkdtemp(prefix="dovecot-"))
    server = Dovecot(base, uid, gid, more, files)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(base, ignore_errors=True)
