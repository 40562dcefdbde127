"""Messenger's webhooks: a page's. Pure.

Facts: Messenger Platform reference, webhook events (read May 2026).
"""

from convokit.transports.meta.envelope import Product, Reader

PAGE_PREFIX = "page:"
"""How the conversation of what concerns the page and no person begins: `page:` and the page's id."""
PRODUCT = Product(name="page", prefix=PAGE_PREFIX)


def reader(channel: str, page_id: str = "", get_started: str = "GET_STARTED") -> Reader:
    """What reads the webhooks of a page; of every page of the app, where `page_id` is empty."""
    return Reader(product=PRODUCT, channel=channel, account=page_id, get_started=get_started)
