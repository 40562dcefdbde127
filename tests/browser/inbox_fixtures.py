"""A server that speaks the inbox's wire inside the test, so that it can be cut, delayed and doubled at will."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from playwright.sync_api import BrowserContext, Page, Route, WebSocketRoute

STATIC = Path(__file__).resolve().parents[2] / "src/convokit/desks/inbox/static"
URL = "http://127.0.0.1:9/desk/inbox/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://127.0.0.1:9; "
    "img-src 'self' blob:; media-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
KINDS = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}
NOON = datetime(2026, 3, 2, 14, 4, 12, tzinfo=UTC)
Frame = dict[str, Any]
ME = {"id": "o_maya", "name": "Maya Lind", "role": "operator", "status": "available", "max": 5}
JONAS = {"id": "o_jonas", "name": "Jonas Weber"}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(**of: float) -> str:
    return stamp(NOON - timedelta(**of))


def ahead(**of: float) -> str:
    return stamp(NOON + timedelta(**of))


class Desk:
    """The other end of the page's wire: lists with dense numbers, logs, commands that are answered once by their id.

    `hook` sees every frame first; what it answers True to is answered by the test. `frames` are all that came.
    """

    def __init__(self) -> None:
        self.me: Frame = dict(ME)
        self.rows: dict[str, dict[str, Frame]] = {"mine": {}, "queue": {}, "all": {}}
        self.lseq = {"mine": 100, "queue": 200, "all": 300}
        self.changes: list[tuple[str, int, Frame]] = []
        self.talks: dict[str, Frame] = {}
        self.operators: list[Frame] = [
            {**ME, "open": 3, "connected": True},
            {**JONAS, "status": "available", "open": 2, "max": 4, "connected": True},
            {"id": "o_lena", "name": "Lena Sand", "status": "available", "open": 4, "max": 4, "connected": True},
            {"id": "o_omar", "name": "Omar Fahd", "status": "away", "open": 0, "max": 4, "connected": True},
        ]
        self.queues: list[Frame] = [
            {"id": "orders", "name": "Orders", "waiting": 2},
            {"id": "returns", "name": "Returns", "waiting": 1},
        ]
        self.answers: list[Frame] = [
            {
                "id": "a_1",
                "code": "hello",
                "title": "Greeting",
                "text": "Hello {customer.first_name|there}, how may I help?",
                "scope": "all",
                "lang": "en",
                "uses": 41,
            },
            {
                "id": "a_2",
                "code": "late",
                "title": "Parcel is late",
                "text": "Your order {context.order} is late. I am sorry.",
                "scope": "team",
                "lang": "en",
                "uses": 12,
            },
            {
                "id": "a_3",
                "code": "voucher",
                "title": "Voucher",
                "text": "Here is a voucher: {customer.voucher}",
                "scope": "mine",
                "lang": "en",
                "uses": 2,
            },
        ]
        self.metrics: Frame = {}
        self.metrics_asked: list[str] = []
        self.build = "b1"
        self.limits: Frame = {"text": 8000, "file": {"max": 1_000_000, "types": ["image/png", "text/plain"]}}
        self.frames: list[Frame] = []
        self.known: dict[str, Frame] = {}
        self.sockets: list[WebSocketRoute] = []
        self.opened = 0
        self.block_sockets = False
        self.refuse: list[int] = []
        self.hook: Callable[[Frame], bool] | None = None
        self.polled: list[Frame] = []
        self.sid = 0
        self.held: Route | None = None
        self.waiting: list[Frame] = []
        self.uploads: list[Frame] = []
        self.upload_answers: list[tuple[int, Frame]] = []
        self.saved: list[Frame] = []
        self.now = NOON

    # ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def serve(self, target: Page | BrowserContext) -> None:
        target.route("http://127.0.0.1:9/**", self._http)
        target.route_web_socket("ws://127.0.0.1:9/desk/inbox/v1/ws", self._socket)

    def _http(self, route: Route) -> None:
        request = route.request
        address = urlsplit(request.url)
        path = address.path.removeprefix("/desk/inbox/")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if request.method != "GET" and path != "signin":
            assert request.headers.get("x-convokit") == "1", request.url
        if path in {"", "signin"}:
            page = STATIC / ("signin.html" if path else "inbox.html")
            route.fulfill(body=page.read_text(), content_type="text/html; charset=utf-8", headers=headers)
        elif path.startswith("static/") and (STATIC / path[7:]).is_file():
            file = STATIC / path[7:]
            route.fulfill(body=file.read_bytes(), content_type=KINDS[file.suffix], headers=headers)
        elif path == "v1/poll":
            self._poll(route)
        elif path == "v1/metrics":
            self.metrics_asked.append(parse_qs(address.query)["window"][0])
            route.fulfill(json=self.metrics, headers={"ETag": '"m1"'})
        elif path == "v1/answers":
            self._answers(route)
        elif path.startswith("v1/files/"):
            self._file(route)
        else:
            route.fulfill(status=404, body="not found")

    def _answers(self, route: Route) -> None:
        if route.request.method == "POST":
            self.saved.append(route.request.post_data_json)
            self.answers.append({"id": f"a_{len(self.answers) + 1}", "uses": 0, **route.request.post_data_json})
        route.fulfill(json={"answers": self.answers})

    def _file(self, route: Route) -> None:
        request = route.request
        if request.method != "PUT":
            route.fulfill(status=200, content_type="image/png", body=PNG)
            return
        self.uploads.append({"name": unquote(request.headers["x-name"]), "type": request.headers["content-type"]})
        if self.upload_answers:
            status, answer = self.upload_answers.pop(0)
            route.fulfill(status=status, json=answer)
            return
        route.fulfill(
            status=201,
            json={
                "id": f"f_{len(self.uploads)}",
                "name": self.uploads[-1]["name"],
                "type": self.uploads[-1]["type"],
                "size": 70,
            },
        )

    def _socket(self, socket: WebSocketRoute) -> None:
        self.opened += 1
        if self.block_sockets:
            socket.close(code=1011)
            return
        if self.refuse:
            socket.close(code=self.refuse.pop(0))
            return
        socket.on_message(lambda text: self.hear(json.loads(text)) if socket in self.sockets else None)
        socket.on_close(lambda *_: self.sockets.remove(socket) if socket in self.sockets else None)
        self.sockets.append(socket)

    def _poll(self, route: Route) -> None:
        body = route.request.post_data_json
        self.polled.append(body)
        if body["sid"] is None:
            self.sid += 1
        for frame in body["frames"]:
            self.hear(frame)
        if self.waiting or not body["wait"]:
            self._answer(route)
        else:
            self.held = route

    def _answer(self, route: Route) -> None:
        frames, self.waiting = self.waiting, []
        route.fulfill(json={"sid": f"s_{self.sid}", "frames": frames})

    def push(self, frame: Frame) -> None:
        text = json.dumps(frame)
        for socket in list(self.sockets):
            socket.send(text)
        if not self.sockets and self.sid:
            self.waiting.append(frame)
            if self.held is not None:
                held, self.held = self.held, None
                self._answer(held)

    def cut(self, code: int = 1011) -> None:
        for socket in list(self.sockets):
            self.sockets.remove(socket)
            socket.close(code=code)

    # ── what is there ───────────────────────────────────────────────────────────────────────────────────────────────

    def row(self, conv: str, *lists: str, **more: Any) -> Frame:
        """Put a row into lists, without telling anyone."""
        row = {
            "conv": conv,
            "name": "Visitor",
            "verified": False,
            "preview": "",
            "dir": "in",
            "by": "",
            "channel": "web",
            "tags": [],
            "unread": 0,
            "mode": "person",
            "owner": None,
            "epoch": 3,
            "due_at": None,
            "due": None,
            "waiting_since": None,
            "at": ago(minutes=3),
            "here": [],
        } | more
        for name in lists:
            self.rows[name][conv] = row
        return row

    def change(self, which: str, conv: str, **more: Any) -> None:
        """Change a row of a list (or add it) and tell the page."""
        row = self.rows[which].get(conv) or self.row(conv, which)
        self.rows[which][conv] = {**row, **more}
        self.lseq[which] += 1
        frame = {"t": "row", "list": which, "lseq": self.lseq[which], **self.rows[which][conv]}
        self.changes.append((which, self.lseq[which], frame))
        self.push(frame)

    def leave(self, name: str, conv: str) -> None:
        self.rows[name].pop(conv, None)
        self.lseq[name] += 1
        frame = {"t": "gone", "list": name, "lseq": self.lseq[name], "conv": conv}
        self.changes.append((name, self.lseq[name], frame))
        self.push(frame)

    def talk(self, conv: str, **more: Any) -> Frame:
        self.talks[conv] = {
            "log": "l1",
            "entries": [],
            "profile": {},
            "user": {"id": "u1", "name": "Visitor", "locale": "en", "verified": False},
            "channel": "web",
            "context": {},
            "mode": "person",
            "epoch": 3,
            "owner": {"id": ME["id"], "name": ME["name"]},
            "handoff": {
                "id": "h1",
                "queue": "orders",
                "reason": "carrier delay",
                "opened_at": ago(minutes=4),
                "taken_at": ago(minutes=3),
                "answered_at": ago(minutes=2),
                "lease_until": ahead(minutes=5),
            },
            "draft": None,
            "seen": {"user": 0, "operator": 0},
            "here": [],
        } | more
        return self.talks[conv]

    def entry(self, conv: str, role: str, text: str | None = None, **more: Any) -> Frame:
        """Put an entry into a log, without telling anyone."""
        entries = self.talks[conv]["entries"]
        seq = len(entries) + 1
        by = {
            "visitor": {"id": "u1", "name": self.talks[conv]["user"]["name"]},
            "bot": {"id": "", "name": ""},
            "person": {"id": ME["id"], "name": ME["name"]},
        }
        made = {
            "seq": seq,
            "id": f"e_{seq}",
            "kind": "text",
            "by": {"role": role, **by.get(role, {"id": "", "name": ""})},
            "at": stamp(NOON - timedelta(minutes=5) + timedelta(seconds=20 * seq)),
            **({"text": text} if text is not None else {}),
        } | more
        entries.append(made)
        return made

    def says(self, conv: str, role: str, text: str | None = None, **more: Any) -> Frame:
        made = self.entry(conv, role, text, **more)
        self.push({"t": "entry", "conv": conv, **made})
        return made

    # ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────

    def welcome(self, lists: Frame) -> Frame:
        pieces: Frame = {}
        for name, rows in self.rows.items():
            if name in lists:
                missed = [frame for of, lseq, frame in self.changes if of == name and lseq > lists[name]]
                changed = [{"conv": one["conv"], "gone": True} if one["t"] == "gone" else one for one in missed]
                pieces[name] = {"lseq": self.lseq[name], "snapshot": False, "rows": changed, "total": len(rows)}
            else:
                pieces[name] = {
                    "lseq": self.lseq[name],
                    "snapshot": True,
                    "rows": list(rows.values()),
                    "total": len(rows),
                }
        return {
            "t": "welcome",
            "v": 1,
            "me": self.me,
            "lists": pieces,
            "operators": self.operators,
            "queues": self.queues,
            "answers_rev": 1,
            "now": stamp(self.now),
            "build": self.build,
            "limits": self.limits,
        }

    def open(self, conv: str, log: str | None, after: int | None) -> None:
        talk = self.talks.get(conv)
        if talk is None:
            self.push({"t": "error", "code": "not_found", "conv": conv, "retry": "no"})
            return
        entries = talk["entries"]
        shown = entries[after:] if after is not None and log == talk["log"] else entries[-50:]
        self.push({"t": "opened", "conv": conv, **talk, "head": len(entries), "entries": shown})

    def hear(self, frame: Frame) -> None:  # noqa: C901  the table of a protocol
        self.frames.append(frame)
        if self.hook is not None and self.hook(frame):
            return
        kind, conv, cid = frame["t"], frame.get("conv", ""), frame.get("cid")
        if cid is not None:
            assert re.fullmatch(r"[A-Za-z0-9_-]{16,64}", cid)
        if kind == "hello":
            self.push(self.welcome(frame["lists"]))
            for name, cursor in frame["convs"].items():
                self.open(name, cursor["log"], cursor["after"])
        elif kind == "open":
            self.open(conv, frame.get("log"), frame.get("after"))
        elif kind == "more":
            entries = self.talks[conv]["entries"]
            start = max(0, frame["before"] - 1 - frame["limit"]) if "before" in frame else frame["after"]
            end = frame["before"] - 1 if "before" in frame else frame["after"] + frame["limit"]
            self.push({"t": "page", "conv": conv, "entries": entries[start:end], "start": start == 0})
        elif kind == "ping":
            self.push({"t": "pong", "n": frame["n"]})
        elif kind in {"send", "note"}:
            self.commit(frame)
        elif kind == "take":
            self.ack(cid, epoch=frame["epoch"] + 1)
            self.speaks(conv, mode="person", epoch=frame["epoch"] + 1, owner={"id": ME["id"], "name": ME["name"]})
        elif kind == "draft":
            self.talks[conv]["draft"] = {"text": frame["text"], "mode": frame["mode"]} if frame["text"] else None
            self.ack(cid)
        elif kind == "offer":
            self.ack(cid, offer="of_1", id="of_1")
        elif cid is not None:
            self.ack(cid)

    def ack(self, cid: str | None, **more: Any) -> None:
        self.push({"t": "ack", "re": cid, **more})

    def speaks(self, conv: str, *, mode: str, epoch: int, owner: Frame | None, **more: Any) -> None:
        self.talks[conv] |= {"mode": mode, "epoch": epoch, "owner": owner}
        self.push({"t": "lease", "conv": conv, "epoch": epoch, "owner": owner, "mode": mode, "until": None, **more})

    def commit(self, frame: Frame) -> Frame:
        cid, conv = frame["cid"], frame["conv"]
        made = self.known.get(cid)
        fresh = made is None
        if made is None:
            kind = "note" if frame["t"] == "note" else "text"
            made = self.entry(conv, "person", frame["text"], kind=kind, cid=cid, id=f"o:{ME['id']}:{cid}")
            self.known[cid] = made
        self.ack(cid, id=made["id"], seq=made["seq"], at=made["at"])
        if fresh:
            self.push({"t": "entry", "conv": conv, **made})
        return made

    def said(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["t"] == kind]


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fea7"
    "356e4d0000000049454e44ae426082"
)
SAMIR, IDA, VISITOR, TOMAS, NOOR = "web:c_samir", "whatsapp:c_ida", "web:c_7f2c", "telegram:c_tomas", "web:c_noor"


def shop() -> Desk:
    """A desk with four conversations of Maya's, three that wait, and more that others have."""
    desk = Desk()
    mine = {"owner": {"id": ME["id"], "name": ME["name"]}}
    desk.row(
        SAMIR,
        "mine",
        "all",
        name="Samir Haddad",
        verified=True,
        preview="Thank you. شكراً جزيلاً",
        tags=["Order"],
        at=ago(seconds=12),
        due_at=ahead(seconds=72),
        due="next",
        waiting_since=ago(minutes=4),
        **mine,
    )
    desk.row(
        IDA,
        "mine",
        "all",
        name="Ida Berg",
        preview="Is the return label still valid after 14 days?",
        channel="whatsapp",
        tags=["Return"],
        unread=2,
        at=ago(minutes=3),
        due_at=ago(seconds=38),
        due="first",
        waiting_since=ago(minutes=10),
        **mine,
    )
    desk.row(
        VISITOR,
        "mine",
        "all",
        name="Visitor 7F2C",
        preview="I have sent it to the warehouse.",
        dir="out",
        by=ME["name"],
        at=ago(minutes=12),
        **mine,
    )
    desk.row(
        TOMAS,
        "mine",
        "all",
        name="Tomás Rey",
        preview="¿Puedo cambiar la talla?",
        channel="telegram",
        tags=["Exchange"],
        at=ago(minutes=17),
        here=[{**JONAS, "typing": ""}],
        **mine,
    )
    waits = {"mode": "waiting", "epoch": 1}
    desk.row(
        NOOR,
        "queue",
        "all",
        name="نور الهاشمي",
        preview="هل يمكنني تغيير العنوان؟",
        waiting_since=ago(minutes=4, seconds=12),
        at=ago(minutes=2),
        unread=1,
        **waits,
    )
    desk.row(
        "web:c_bo",
        "queue",
        "all",
        name="Bo Olsen",
        preview="A person, please",
        waiting_since=ago(minutes=1),
        at=ago(minutes=1),
        unread=1,
        **waits,
    )
    desk.row(
        "telegram:c_ana",
        "queue",
        "all",
        name="Ana Lima",
        channel="telegram",
        preview="Preciso de ajuda",
        waiting_since=ago(seconds=20),
        at=ago(seconds=20),
        unread=1,
        **waits,
    )
    desk.row(
        "web:c_kim", "all", name="Kim Park", preview="You can track it here.", dir="bot", mode="bot", at=ago(minutes=30)
    )
    desk.row("web:c_lea", "all", name="Léa Martin", preview="Merci !", owner=JONAS, at=ago(minutes=22))
    for conv, name in (
        (IDA, "Ida Berg"),
        (VISITOR, "Visitor 7F2C"),
        (TOMAS, "Tomás Rey"),
        (NOOR, "نور الهاشمي"),
        ("web:c_bo", "Bo Olsen"),
        ("web:c_kim", "Kim Park"),
        ("web:c_lea", "Léa Martin"),
        ("telegram:c_ana", "Ana Lima"),
    ):
        talk = desk.talk(
            conv,
            user={"id": "u1", "name": name, "locale": "ar" if conv == NOOR else "en", "verified": False},
            channel=conv.partition(":")[0],
        )
        row = desk.rows["all"][conv]
        talk |= {"mode": row["mode"], "owner": row["owner"], "epoch": row["epoch"]}
        desk.entry(conv, "visitor", row["preview"] if row["dir"] == "in" else "Where is it?")
    desk.talk(
        SAMIR,
        user={"id": "u1", "name": "Samir Haddad", "locale": "ar", "verified": True},
        profile={"email": "samir@example.com", "customer_since": 2023, "orders": 14, "first_name": "Samir"},
        context={"page": "https://olive.example/orders/48211", "order": "48211"},
        handoff={
            "id": "h1",
            "queue": "Orders",
            "reason": "carrier delay",
            "opened_at": ago(minutes=4),
            "taken_at": ago(minutes=3, seconds=9),
            "answered_at": ago(minutes=2, seconds=40),
            "lease_until": ahead(minutes=5),
        },
        here=[{**JONAS, "typing": ""}],
    )
    desk.entry(SAMIR, "visitor", "Where is my order 48211? It was due on Monday.")
    desk.entry(
        SAMIR,
        "bot",
        "It left our depot on Friday. The carrier has not scanned it since.",
        buttons=[{"label": "Wait", "payload": "wait"}, {"label": "Talk to a person", "payload": "person"}],
    )
    desk.entry(SAMIR, "bot", kind="event", event="waiting", reason="carrier delay")
    desk.entry(SAMIR, "person", kind="event", event="taken")
    desk.entry(
        SAMIR,
        "person",
        "Hi Samir, I have your order here. It left the depot this morning and should be with you before 18:00.",
    )
    desk.entry(
        SAMIR,
        "person",
        "Carrier had a breakdown in Lyon. A voucher is fine if it slips again.",
        kind="note",
        by={"role": "person", **JONAS},
    )
    desk.entry(SAMIR, "visitor", "Thank you. شكراً جزيلاً")
    desk.metrics = figures()
    return desk


def figures() -> Frame:
    waits = [2, 2, 3, 3, 4, 3, 3, 5, 6, 6, 5, 4, 4, 7, 6, 5, 4, 3]
    return {
        "window": "day",
        "now": stamp(NOON),
        "since": ago(days=1),
        "waiting": {
            "now": 3,
            "target": 5,
            "points": [[ago(minutes=7 * (len(waits) - 1 - at)), n] for at, n in enumerate(waits)],
        },
        "longest": {"conv": NOOR, "name": "نور الهاشمي", "since": ago(minutes=4, seconds=12)},
        "first_reply": {
            "count": 24,
            "p50": 70,
            "p90": 190,
            "points": [[ago(minutes=15 * (12 - at)), 50 + (at * 37) % 120] for at in range(12)],
            "cases": [],
        },
        "operators": [
            {**ME, "open": 3, "connected": True, "closed": 12},
            {**JONAS, "status": "busy", "open": 2, "max": 4, "connected": True, "closed": 9},
            {
                "id": "o_lena",
                "name": "Lena Sand",
                "status": "available",
                "open": 4,
                "max": 4,
                "connected": False,
                "closed": 4,
            },
        ],
        "outcomes": {"bot": 61, "person": 25, "left": 4},
        "arrivals": [
            {
                "hour": ago(hours=11 - at, minutes=4, seconds=12),
                "n": (at * 5) % 9 + 1,
                "staffed": [0, 1, 1, 2, 3, 3, 3, 4, 4, 3, 2, 2][at],
            }
            for at in range(12)
        ],
        "overdue": [
            {
                "conv": IDA,
                "name": "Ida Berg",
                "due_at": ago(seconds=38),
                "due": "first",
                "owner": {"id": ME["id"], "name": ME["name"]},
                "queue": "Returns",
                "epoch": 3,
            }
        ],
    }
