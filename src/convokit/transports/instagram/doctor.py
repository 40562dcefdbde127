"""What `convokit doctor` reports of an account.

Facts: Instagram Platform, get started, webhooks, ig.me links (read October 2026): with Instagram's login `user_id` is
the id that webhooks name, `id` another one; with Facebook's it is that of the page's `instagram_business_account`.
"""

from typing import Any

from convokit.abc import Finding
from convokit.errors import TransportError
from convokit.transports.meta.graph import Graph
from convokit.transports.meta.raw import identity, part

SUBSCRIPTIONS = ("messages", "messaging_postbacks", "messaging_seen", "message_reactions", "messaging_referral")
"""The webhook fields that the app must be subscribed to; echoes come within `messages`."""

_ME = {
    "instagram": "/me?fields=user_id,username",
    "facebook": "/me?fields=id,name,instagram_business_account%7Bid,username%7D",
}


async def examined(graph: Graph, login: str, account_id: str, *, links: bool) -> tuple[Finding, ...]:
    """Whose token it is, which events come here, and with `links` whether they carry their refs.

    Raises:
        TransportError: The token is not good, or nothing answers.
    """
    me = await graph.get(_ME[login], "who am I")
    account = me if login == "instagram" else part(me, "instagram_business_account")
    own = identity(part(account, "user_id" if login == "instagram" else "id"))
    findings = [_token(own, identity(part(account, "username")), login, account_id)]
    try:
        subscribed = await graph.get("/me/subscribed_apps", "subscriptions")
    except TransportError as error:
        return (*findings, Finding(what="the account's subscriptions", ok=False, advice=str(error)))
    findings.append(_subscribed(subscribed, login))
    if links:
        findings.append(await _ice_breakers(graph))
    return tuple(findings)


async def _ice_breakers(graph: Graph) -> Finding:
    """The platform passes a link's ref on only for accounts that have ice breakers."""
    what = "the refs of links (ig.me)"
    try:
        told = await graph.get("/me/messenger_profile?fields=ice_breakers&platform=instagram", "ice breakers")
    except TransportError as error:
        return Finding(what=what, ok=False, advice=str(error))
    good = bool(part(told, "data"))
    advice = "they come back only when the account has ice breakers: set ice_breakers=, and start the bot once"
    return Finding(what=what, ok=good, advice="" if good else advice)


def _token(own: str, username: str, login: str, account_id: str) -> Finding:
    what = f"the token is for @{username:.40} ({own or 'no account':.30})"
    if not own:
        where = "link the account to the page" if login == "facebook" else "make it for a professional account"
        return Finding(what=what, ok=False, advice=f"it is no Instagram account's: {where}")
    ours = not account_id or own == account_id
    advice = "" if ours else f"account_id is {account_id}, and webhooks will name {own}: take that, or another token"
    return Finding(what=what, ok=ours, advice=advice)


def _subscribed(told: Any, login: str) -> Finding:
    what = "the account's subscriptions"
    apps = part(told, "data")
    if login == "facebook":
        # The fields are chosen in the app's dashboard; of the page any one will do.
        good = isinstance(apps, list) and bool(apps)
        return Finding(what=what, ok=good, advice="" if good else "subscribe the page to the app, with any field")
    fields = {
        str(one)
        for app in (apps if isinstance(apps, list) else ())
        if isinstance(app, dict) and isinstance(app.get("subscribed_fields"), list)
        for one in app["subscribed_fields"]
    }
    missing = [one for one in SUBSCRIPTIONS if one not in fields]
    return Finding(
        what=what, ok=not missing, advice=f"subscribe the account to {', '.join(missing)}" if missing else ""
    )
