"""What the error codes of the Messenger Platform mean.

Facts: Messenger Platform, common error codes (read March 2026).
"""

from convokit.transports.meta.errors import Codes

CODES = Codes(
    window=frozenset({(10, 2018278), (10, 2534022)}),
    advice={
        (10, 2018300): "another app has the conversation: take the thread first",
        (10, 1893063): "the platform restricted the page for a while: see its support inbox before sending more",
        (10, None): "the app lacks a permission for this, or the platform's rules forbid it now",
        (100, 2018001): "there is no such person for this page: ids of people are made for one page only",
        (100, None): "a parameter is wrong",
        (190, None): "the page token is not valid (any more): make a new one and set MESSENGER_PAGE_TOKEN",
        (200, None): "the app lacks the permission pages_messaging for this person or page",
        (230, None): "the app lacks the permission pages_messaging",
        (368, None): "the platform judged the page's messages abusive and blocked it for a while: stop and look",
        (551, None): "the person is not available: they blocked the page or left",
        (10900, None): "this was replied to already",
        (10903, None): "the page cannot reply to this",
    },
)
